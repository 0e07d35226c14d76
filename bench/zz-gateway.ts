/**
 * What a request costs on its way through: this gateway with keys, routing, prices and metrics on, beside a bare Node
 * server that pipes with undici and checks nothing, nginx, Portkey's gateway and, with --litellm, LiteLLM's proxy; all in
 * front of an upstream that reads the whole body and answers at once. Every contestant has its turn in every round, so
 * that what else the machine does hits all alike. Processor time is that of the gateway's processes, read from /proc.
 *
 *     npm run bench:gateway -- [--quick] [--litellm] [--only NAME,…] [--no-memory | --only-memory]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { residentBytesOf } from '../test/helpers/process-tree.ts';
import {
  type Contestant,
  NotHere,
  startBare,
  startLiteLlm,
  startNginx,
  startOurs,
  startPortkey,
  startScript,
  theUpstream,
} from './support/gateway-contestants.ts';
import type { LoadOrder, LoadReport } from './support/gateway-load.ts';
import { cpuMicroseconds } from './support/process-cpu.ts';
import { machineLine, median, quantile } from './support/statistics.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    litellm: { type: 'boolean', default: false },
    'no-memory': { type: 'boolean', default: false },
    'only-memory': { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});

const yardstick = 'bare Node';
const rounds = options.quick ? 3 : 7;
const sizes = [
  { name: '100 kB', bytes: 100_000, requests: 1000 },
  { name: '1 MB', bytes: 1_000_000, requests: 100 },
];
const clientCounts = [16];
const warmUpShare = Number(process.env.WARM ?? 2);
const memoryUploads = 32;
const memoryUploadBytes = 30_000_000;

interface Turn {
  readonly cpuMicroseconds: number;
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
}

const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-bench-gateway-'));
const contestants: Contestant[] = [];
const upstream = await startScript('./gateway-upstream.ts');
const load = await startScript('./gateway-load.ts');
try {
  console.log(`${machineLine(os)}; ${new Date().toISOString().slice(0, 10)}`);
  await startAll();
  if (!options['only-memory']) {
    for (const size of sizes) for (const clients of clientCounts) await compare(size, clients);
    for (const size of sizes) if (process.env.HALF) await compareAtHalfLoad(size);
  }
  if (!options['no-memory']) await compareMemory();
} finally {
  for (const one of contestants) await one.stop();
  load.child.kill();
  upstream.child.kill();
  await rm(folder, { recursive: true, force: true });
}

async function startAll(): Promise<void> {
  const starters: readonly (readonly [string, () => Promise<Contestant>])[] = [
    ['fluxscribe', () => startOurs(upstream.port)],
    [yardstick, () => startBare(upstream.port)],
    ['nginx', () => startNginx(upstream.port, folder)],
    ['Portkey', () => startPortkey(upstream.port, folder)],
    ...(options.litellm ? [['LiteLLM', () => startLiteLlm(upstream.port, folder)] as const] : []),
  ];
  const wanted = options.only === '' ? null : [...options.only.split(','), yardstick];
  for (const [name, start] of starters) {
    if (wanted && !wanted.includes(name)) continue;
    try {
      contestants.push(await start());
    } catch (thrown) {
      if (!(thrown instanceof NotHere)) throw thrown;
      console.log(`${name} is left out: ${thrown.message}`);
    }
  }
}

/** One row of figures for each contestant: medians over the rounds, latencies of all rounds together. */
async function compare(size: (typeof sizes)[number], clients: number): Promise<void> {
  const turns = new Map<Contestant, Turn[]>(contestants.map((one) => [one, []]));
  for (const one of contestants) await takeTurn(one, size, clients, warmUpShare);
  for (let round = 0; round < rounds; round++) {
    for (const one of rotated(contestants, round)) turns.get(one)!.push(await takeTurn(one, size, clients, 1));
  }
  console.log(`\n${size.name}, ${clients} client${clients === 1 ? '' : 's'}`);
  console.log(
    '| | CPU µs a request | bare / it | requests/s | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- |',
  );
  const bare = turns.get(contestants.find((one) => one.name === yardstick)!)!;
  for (const [one, its] of turns) {
    const latencies = its.flatMap((turn) => turn.latenciesMs);
    // Of each round on its own: what else the machine did then has hit both.
    const ratio = median(its.map((turn, round) => bare[round]!.cpuMicroseconds / turn.cpuMicroseconds));
    console.log(
      `| ${one.name} | ${median(its.map((turn) => turn.cpuMicroseconds)).toFixed(0)} | ${ratio.toFixed(2)} | ` +
        `${median(its.map((turn) => turn.perSecond)).toFixed(0)} | ${quantile(latencies, 0.5).toFixed(2)} | ` +
        `${quantile(latencies, 0.99).toFixed(2)} |`,
    );
  }
}

/** What the gateway adds to the upstream's own time while half as many requests come as this gateway can answer. */
async function compareAtHalfLoad(size: (typeof sizes)[number]): Promise<void> {
  const ours = contestants[0]!;
  const { perSecond } = await takeTurn(ours, size, 16, 1);
  const rate = perSecond / 2;
  const alone = theUpstream(upstream.child, upstream.port);
  const latencies = new Map<Contestant, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const one of rotated([alone, ...contestants.filter((other) => other.share === 1)], round)) {
      const { latenciesMs } = await drive(one, size, { clients: 16, requests: size.requests, ratePerSecond: rate });
      latencies.set(one, [...(latencies.get(one) ?? []), ...latenciesMs]);
    }
  }
  console.log(`\n${size.name} at ${rate.toFixed(0)} requests a second, half of what fluxscribe answers at most`);
  console.log('| | p50 ms | p99 ms | added p50 | added p99 |\n| --- | --- | --- | --- | --- |');
  const of = (one: Contestant, p: number) => quantile(latencies.get(one)!, p);
  for (const one of latencies.keys()) {
    const cells = [of(one, 0.5), of(one, 0.99), of(one, 0.5) - of(alone, 0.5), of(one, 0.99) - of(alone, 0.99)];
    console.log(`| ${one.name} | ${cells.map((cell) => cell.toFixed(2)).join(' | ')} |`);
  }
}

/** Resident memory of all of a gateway's processes over what it had at rest, while many large uploads come at once. */
async function compareMemory(): Promise<void> {
  console.log(`\nMemory for ${memoryUploads} uploads of ${memoryUploadBytes / 1e6} MB at once`);
  console.log('| | at rest MB | grown by MB |\n| --- | --- | --- |');
  for (const one of contestants) {
    await sleep(options.quick ? 500 : 3000);
    const atRest = residentBytesOf(one.pid);
    let peak = atRest;
    const sampler = setInterval(() => {
      peak = Math.max(peak, residentBytesOf(one.pid));
    }, 50);
    try {
      const size = { name: '30 MB', bytes: memoryUploadBytes, requests: memoryUploads };
      const headers = one.largeModel ? { ...one.headers, 'x-bench-model': one.largeModel } : one.headers;
      await drive({ ...one, headers }, size, { clients: memoryUploads, requests: memoryUploads, ratePerSecond: null });
      console.log(`| ${one.name} | ${(atRest / 1e6).toFixed(0)} | ${((peak - atRest) / 1e6).toFixed(0)} |`);
    } catch (thrown) {
      console.log(`| ${one.name} | ${(atRest / 1e6).toFixed(0)} | ${String(thrown).slice(0, 120)} |`);
    } finally {
      clearInterval(sampler);
    }
  }
}

async function takeTurn(one: Contestant, size: (typeof sizes)[number], clients: number, share: number): Promise<Turn> {
  const requests = Math.max(clients, Math.round(size.requests * share * one.share));
  const before = cpuMicroseconds(one.pid);
  const report = await drive(one, size, { clients, requests, ratePerSecond: null });
  return {
    cpuMicroseconds: (cpuMicroseconds(one.pid) - before) / requests,
    perSecond: requests / report.seconds,
    latenciesMs: report.latenciesMs,
  };
}

async function drive(
  one: Contestant,
  size: (typeof sizes)[number],
  how: Pick<LoadOrder, 'clients' | 'requests' | 'ratePerSecond'>,
): Promise<LoadReport> {
  const order: LoadOrder = { port: one.port, path: one.path, headers: one.headers, fileBytes: size.bytes, ...how };
  const report = await new Promise<LoadReport>((resolve) => {
    load.child.once('message', resolve);
    load.child.send(order);
  });
  if (report.failure !== null) throw new Error(`${one.name} answered: ${report.failure}`);
  return report;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
