import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderOf, openBenchEngine } from '../../bench/support/bench-engine.ts';
import { Moonshine } from '../../src/engine/moonshine/moonshine.ts';

const SPEECH = fileURLToPath(new URL('../fixtures/audio/made-speech.ogg', import.meta.url));
const SPOKEN = 'My uncle keeps seven chickens behind the old garage. Every morning they wake the whole street.';
/** The 8-bit layers round by the tokens of a pass, so a text passed in part differs a little from the same passed whole. */
const ROUNDING = 1.5;

describe('scores of Moonshine', () => {
  it('gives texts that share a beginning what whole passes give them, and the spoken one the most', async () => {
    const bench = await openBenchEngine(1);
    try {
      const chunks: Float32Array[] = [];
      for await (const chunk of (await bench.open(SPEECH)).pcm(new AbortController().signal)) chunks.push(chunk);
      const model = await Moonshine.open(folderOf(bench.store), 1);
      const window = await model.encode(Float32Array.from(chunks.flatMap((chunk) => [...chunk])));
      const ask = { language: 'en', task: 'transcribe' } as const;
      const words = SPOKEN.split(' ');
      const idsOf = (some: readonly string[]) => some.flatMap((word) => [...model.tokenizer.encodeWord(word)]);
      const changed = [0, 4, words.length - 1].map((place) => words.with(place, 'apple'));
      const texts = [words, ...changed, words.slice(0, -3), words].map(idsOf);
      const scores = await model.scores(window, ask, texts);
      for (const [index, ids] of texts.entries()) {
        const { logprobs, endLogprob } = await model.forced(window, ask, ids);
        const whole = logprobs.reduce((sum, one) => sum + one, endLogprob);
        assert.ok(Math.abs(scores[index]! - whole) < ROUNDING, `${scores[index]} instead of ${whole}`);
      }
      assert.equal(scores[0], scores.at(-1));
      assert.equal(Math.max(...scores), scores[0]);
      assert.deepEqual(await model.scores(window, ask, []), []);
    } finally {
      await bench.close();
    }
  });
});
