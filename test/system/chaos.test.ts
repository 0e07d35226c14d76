import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { brokenPromises, type ChaosReport, runChaos } from '../../bench/support/run-chaos.ts';

/** `npm run bench:chaos` sends two thousand; here a few dozen show that nothing has come loose. */
const count = Number(process.env.CHAOS_COUNT ?? 60);
const seed = Number(process.env.CHAOS_SEED ?? 2026);

for (const hedge of [false, true]) {
  describe(`${count} requests before vendors that fail in every way${hedge ? ', two at a time where one is slow' : ''}`, () => {
    let report: ChaosReport;
    before(async () => {
      report = await runChaos({ seed, count, concurrency: 8, hedge });
    });

    it('are answered rightly, billed once, and never by a provider that the key excludes', (context) => {
      for (const [name, done] of report.vendors) context.diagnostic(`${name}: ${JSON.stringify([...done])}`);
      assert.deepEqual(report.failures, []);
      assert.deepEqual(brokenPromises(report), []);
      assert.ok(
        [...report.attempts.keys()].some((attempts) => attempts > 1),
        'nothing failed',
      );
    });
  });
}
