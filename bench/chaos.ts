/**
 * A real server before two vendors that reset, stall, fail, refuse, answer nonsense, nothing or half of it, a healthy one
 * after them, and a healthy one that the key excludes. Ends with 1 when fewer than 99.9 % of the answers are right, one is
 * billed twice, or the excluded vendor is asked.
 *
 *     npm run bench:chaos -- [--count 2000] [--seed 1] [--concurrency 16] [--hedge]
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { brokenPromises, runChaos } from './support/run-chaos.ts';
import { machineLine, quantile } from './support/statistics.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '16' },
    hedge: { type: 'boolean', default: false },
  },
});
const startedAt = performance.now();
const seconds = () => Math.round((performance.now() - startedAt) / 1000);
const report = await runChaos({
  count: Number(values.count),
  seed: Number(values.seed),
  concurrency: Number(values.concurrency),
  hedge: values.hedge,
  onProgress(done) {
    if (done % 500 === 0) console.log(`${done} sent, ${seconds()} s`);
  },
});

console.log(`${machineLine(os)}; seed ${values.seed}, ${values.concurrency} at a time, ${seconds()} s`);
const share = (100 * report.right) / report.asked;
console.log(
  `right answers: ${report.right} of ${report.asked} (${share.toFixed(2)} %); callers who left: ${report.left}`,
);
console.log(`wrong prices: ${report.wronglyBilled}; calls of the excluded provider: ${report.excludedCalls}`);
console.log(`requests for it: ${report.forbidden.asked}, refused: ${report.forbidden.refused}`);
const latency = (p: number) => `${Math.round(quantile(report.latenciesMs, p))} ms`;
console.log(`latency: p50 ${latency(0.5)}, p90 ${latency(0.9)}, p99 ${latency(0.99)}, most ${latency(1)}`);
for (const [attempts, requests] of [...report.attempts].toSorted((a, b) => a[0] - b[0])) {
  console.log(`  ${attempts} attempt${attempts === 1 ? ' ' : 's'}: ${requests}`);
}
for (const [name, done] of report.vendors) {
  const parts = [...done].toSorted((a, b) => b[1] - a[1]).map(([what, times]) => `${what} ${times}`);
  console.log(`${name}: ${parts.join(', ') || 'never asked'}`);
}
for (const { number, problem } of report.failures.slice(0, 20)) console.log(`FAILED ${number}: ${problem}`);
const broken = brokenPromises(report);
console.log(broken.length === 0 ? 'All promises kept.' : `BROKEN: ${broken.join('; ')}`);
process.exitCode = broken.length === 0 ? 0 : 1;
