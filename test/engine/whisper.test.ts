import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Whisper } from '../../src/engine/whisper/whisper.ts';
import { speech as fixture } from '../helpers/speech.ts';
import { plainWords, soundOf, textOfTokens, whisperFolder, withoutWhisper } from '../helpers/whisper-base.ts';

const english = { language: 'en', task: 'transcribe' } as const;
const never = () => false;
const spoken = plainWords(fixture.text);

describe('Whisper base', { skip: withoutWhisper }, () => {
  let whisper: Whisper;
  let speech: Float32Array;
  let window: Awaited<ReturnType<Whisper['encode']>>;
  let written: Awaited<ReturnType<Whisper['greedy']>>;

  before(async () => {
    whisper = await Whisper.open(whisperFolder, 1);
    speech = await soundOf(fixture.path);
    window = await whisper.encode(speech);
    written = await whisper.greedy(window, english, never);
  });

  it('writes down what is said, each token with its probability', () => {
    assert.equal(plainWords(textOfTokens(whisper, written.ids)), spoken);
    assert.equal(written.logprobs.length, written.ids.length);
    assert.ok(written.ended && written.logprobs.every((one) => one <= 0));
    assert.ok((written.noSpeechProbability ?? 1) < 0.1);
  });

  it('spells words as it writes them itself', () => {
    const words = textOfTokens(whisper, written.ids).trim().split(' ');
    assert.deepEqual(
      words.flatMap((word) => whisper.tokenizer.encodeWord(word)),
      written.ids,
    );
  });

  it('scores a text in one pass as while it is written, but for rounding', async () => {
    const forced = await whisper.forced(window, english, written.ids);
    forced.logprobs.forEach((logprob, index) => {
      assert.ok(Math.abs(logprob - written.logprobs[index]!) < 0.3, `token ${index}`);
    });
    assert.equal(forced.frames, Math.ceil(speech.length / whisper.frameSamples));
    assert.equal(forced.attention.length, 8 * (written.ids.length + 1) * forced.frames);
  });

  it('scores texts that begin alike as if each were passed whole', async () => {
    const base = spoken.split(' ');
    const worse = [base.with(3, 'eleven'), base.with(-1, 'house'), base.slice(0, -1), ['quite', 'another']];
    const ids = [base, ...worse, base, []].map((words) => words.flatMap((one) => whisper.tokenizer.encodeWord(one)));
    const scores = await whisper.scores(window, english, ids);
    for (const [index, text] of ids.entries()) {
      const { logprobs, endLogprob } = await whisper.forced(window, english, text);
      const whole = logprobs.reduce((sum, one) => sum + one, endLogprob);
      assert.ok(Math.abs(scores[index]! - whole) < 0.5, `text ${index}: ${scores[index]} for ${whole}`);
    }
    assert.ok(scores[0]! > 3 + Math.max(...scores.slice(1, 5)), scores.join(' '));
  });

  it('takes sound that is shorter than any model takes, and refuses more than it hears', async () => {
    for (const samples of [0, 1, 79]) {
      const { ids } = await whisper.greedy(await whisper.encode(new Float32Array(samples).fill(0.1)), english, never);
      assert.ok(ids.length <= 12);
    }
    await assert.rejects(whisper.encode(new Float32Array(whisper.maxSamples + 1)), RangeError);
  });

  it('stops when nobody waits any more', async () => {
    const { ids, ended } = await whisper.greedy(window, english, () => true);
    assert.deepEqual([ids.length, ended], [0, false]);
  });

  it('refuses a language that it does not know, and a folder that holds no Whisper', async () => {
    await assert.rejects(whisper.greedy(window, { language: 'xx', task: 'transcribe' }, never), /language/);
    await assert.rejects(Whisper.open(fileURLToPath(new URL('.', import.meta.url)), 1), /no file like/);
  });
});
