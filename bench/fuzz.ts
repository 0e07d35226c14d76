/**
 * Damaged, lying and spliced uploads against the real server: none may crash it, get a 5xx, leave a file behind or make
 * it grow. Every case is made from a seed and a number, so one that fails can be sent again by itself.
 *
 *     node bench/fuzz.ts [--count 10000] [--seed 1] [--concurrency 4] [--only NUMBER [--save FILE]]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isAlive } from '../test/helpers/process-tree.ts';
import { serverKey, startServer } from '../test/helpers/start-server.ts';
import { readFuzzBases } from './support/fuzz-bases.ts';
import { fuzzCase } from './support/fuzz-requests.ts';
import { type FuzzReport, fuzzSettings, growthLimitBytes, runFuzz } from './support/run-fuzz.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '4' },
    only: { type: 'string' },
    save: { type: 'string' },
  },
});
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
const bases = readFuzzBases();

if (only !== undefined) {
  const { story, request } = fuzzCase(seed, only, bases, serverKey);
  console.log(`${story}\n${request.head.join('\n')}\n(${request.body.length} bytes of body)`);
  if (values.save !== undefined) writeFileSync(values.save, request.body);
}

const server = await startServer(fuzzSettings);
const children = server.childPids().length;
const startedAt = performance.now();
const report = await runFuzz({
  server,
  key: serverKey,
  bases,
  seed,
  count: Number(values.count),
  concurrency: Number(values.concurrency),
  ...(only !== undefined && { only }),
  onProgress(done) {
    if (done % 1000 !== 0) return;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`${done} sent, ${seconds} s, ${megabytes(server.residentBytes())}`);
  },
});
print(report);
const problems = [
  ...(report.failures.length > 0 ? [`${report.failures.length} wrong answers`] : []),
  ...(isAlive(server.pid) ? [] : ['the server has ended']),
  ...((await server.spooledFiles()).length > 0 ? ['uploads were left on the disk'] : []),
  ...(report.endBytes - report.halfBytes > growthLimitBytes ? ['memory grew'] : []),
];
const { output } = server;
await server.stop();
const deaths = output().match(/a decoding process (ended unexpectedly|was killed)/g)?.length ?? 0;
console.log(`decoding processes lost: ${deaths}; processes at the start: ${children}`);
console.log(problems.length === 0 ? 'All is well.' : `NOT WELL: ${problems.join('; ')}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function print({ done, answers, failures, slowest, ...memory }: FuzzReport): void {
  console.log(`${done} requests in ${Math.round((performance.now() - startedAt) / 1000)} s, seed ${seed}`);
  for (const [kind, count] of [...answers].toSorted((a, b) => b[1] - a[1]))
    console.log(`  ${String(count).padStart(6)}  ${kind}`);
  const [tenth, half, end] = [memory.tenthBytes, memory.halfBytes, memory.endBytes].map(megabytes);
  console.log(`memory of all processes: ${tenth} after a tenth, ${half} after half, ${end} at the end`);
  for (const { number, ms, story } of slowest)
    console.log(`slow: ${Math.round(ms)} ms, --seed ${seed} --only ${number}: ${story}`);
  for (const { number, story, problem } of failures) {
    console.log(`FAILED: --seed ${seed} --only ${number}: ${story}\n        ${problem}`);
  }
}
