import { unitsPerCount } from '../bucket.ts';

/**
 * What memory-counters.ts does, in one step inside Redis: nothing comes between asking and taking, whatever the number of
 * replicas. The arithmetic is that of bucket.ts, in whole numbers below 2^53.
 *
 * KEYS: the buckets, then the sets of places. ARGV: the time in ms ('' for Redis's own, which all replicas share), the
 * number of buckets, the lease's id and its life in ms; then perMinute, need and cost of each bucket; then max of each set.
 * Replies 1 or 0, then each level and each number of places taken, as texts.
 */
export const takeScript = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local count = tonumber(ARGV[2])
local lease = ARGV[3]
local life = tonumber(ARGV[4])
local allowed = 1
local levels = {}
local times = {}
for i = 1, count do
  local at = 2 + 3 * i
  local rate = tonumber(ARGV[at])
  local capacity = rate * ${unitsPerCount}
  local need = math.min(tonumber(ARGV[at + 1]), capacity)
  local level = 0
  local time = now
  local kept = redis.call('GET', KEYS[i])
  if kept then
    local units, since = string.match(kept, '^(%d+) (%d+)$')
    if units then
      level = math.max(0, tonumber(units) - rate * math.max(0, now - tonumber(since)))
      time = math.max(now, tonumber(since))
    end
  end
  levels[i] = level
  times[i] = time
  if capacity == 0 or level + need > capacity then allowed = 0 end
end
local taken = {}
for i = count + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  taken[i] = redis.call('ZCARD', KEYS[i])
  if taken[i] >= tonumber(ARGV[4 + 3 * count + i - count]) then allowed = 0 end
end
if allowed == 1 then
  for i = 1, count do
    local at = 2 + 3 * i
    local cost = tonumber(ARGV[at + 2])
    if cost > 0 then
      levels[i] = levels[i] + cost
      local text = string.format('%.0f %.0f', levels[i], times[i])
      redis.call('SET', KEYS[i], text, 'PX', string.format('%.0f', math.ceil(levels[i] / tonumber(ARGV[at])) + 1000))
    end
  end
  for i = count + 1, #KEYS do
    redis.call('ZADD', KEYS[i], now + life, lease)
    redis.call('PEXPIRE', KEYS[i], 2 * life)
    taken[i] = taken[i] + 1
  end
end
local reply = { tostring(allowed) }
for i = 1, count do reply[#reply + 1] = string.format('%.0f', levels[i]) end
for i = count + 1, #KEYS do reply[#reply + 1] = string.format('%.0f', taken[i]) end
return reply
`;

/** Lengthens the lease in ARGV[2] by ARGV[3] ms in the set KEYS[1]; in one that Redis has lost it is there again. */
export const renewScript = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[1], 2 * tonumber(ARGV[3]))
return 1
`;
