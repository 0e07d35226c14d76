import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SpeechModel } from '../speech-model.ts';
import { hearWindow, textOfPiece } from './hear-window.ts';

const never = () => false;

/** A model that writes what the script says for the sound's length in milliseconds; a token is a letter. */
function scripted(script: (lengthMs: number, heard: number) => string, { maxMs = 29_000, ended = true } = {}) {
  const lengths: number[] = [];
  const model: SpeechModel<number> = {
    tokenizer: { encodeWord: () => [], bytes: (id) => Buffer.from(String.fromCodePoint(id)) },
    frameSamples: 320,
    maxSamples: maxMs * 16,
    languages: ['en'],
    tasks: ['transcribe'],
    async encode(pcm) {
      lengths.push(pcm.length / 16);
      return pcm.length / 16;
    },
    identify: async () => [],
    async greedy(lengthMs) {
      const text = script(lengthMs, lengths.length);
      const ids = [...text].map((one) => one.codePointAt(0) ?? 0);
      return { ids, logprobs: ids.map(() => -0.1), ended, noSpeechProbability: null };
    },
    forced: async () => ({ logprobs: [], endLogprob: 0, attention: new Float32Array(), frames: 0 }),
    scores: async () => [],
  };
  return { model, lengths };
}

/** 32 ms frames. */
const frame = (ms: number) => Math.round(ms / 32);
const region = (fromMs: number, toMs: number) => ({ startFrame: frame(fromMs), endFrame: frame(toMs) });

async function hear(made: ReturnType<typeof scripted>, lengthMs: number, regions: ReturnType<typeof region>[]) {
  const { model, lengths } = made;
  const pcm = new Float32Array(lengthMs * 16);
  const encoded = pcm.length <= model.maxSamples ? await model.encode(pcm) : null;
  const hearing = { model, pcm, regions, ask: { language: 'en', task: 'transcribe' } as const, shouldStop: never };
  const pieces = await hearWindow(hearing, encoded);
  return {
    texts: pieces.map((piece) => textOfPiece(model, piece)),
    offsets: pieces.map((one) => one.offsetMs),
    lengths,
  };
}

describe('hearWindow', () => {
  it('hears a window once when nothing is wrong with it', async () => {
    const { texts, lengths } = await hear(
      scripted(() => 'a good sentence'),
      4_000,
      [region(200, 3_800)],
    );
    assert.deepEqual(texts, ['a good sentence']);
    assert.deepEqual(lengths, [4_000]);
  });

  it('puts silence in front of a window that came back empty', async () => {
    const made = scripted((lengthMs) => (lengthMs === 5_000 ? 'heard after all' : ''));
    const { texts, offsets } = await hear(made, 4_000, [region(200, 3_800)]);
    assert.deepEqual([texts, offsets], [['heard after all'], [-1_000]]);
  });

  it('parts a window in its longest pause when the decoder stopped there', async () => {
    const made = scripted((lengthMs) =>
      lengthMs > 12_000
        ? 'Chapter 31.'
        : `${lengthMs < 3_000 ? 'Chapter 31.' : 'And the rest of the chapter, read in full.'}`,
    );
    const { texts, offsets } = await hear(made, 13_000, [region(200, 1_600), region(4_000, 12_800)]);
    assert.deepEqual(texts, ['Chapter 31.', 'And the rest of the chapter, read in full.']);
    assert.ok(Math.abs((offsets[1] ?? 0) - 2_800) <= 32);
  });

  it('keeps a short text when no other way hears more', async () => {
    const { texts } = await hear(
      scripted(() => 'Chapter 31.'),
      13_000,
      [region(200, 12_800)],
    );
    assert.deepEqual(texts, ['Chapter 31.']);
  });

  it('never keeps a loop that goes to the limit, or is faster than anybody speaks', async () => {
    const regions = [region(200, 12_800)];
    const endless = await hear(
      scripted(() => 'and so on '.repeat(20), { ended: false }),
      13_000,
      regions,
    );
    assert.deepEqual(endless.texts, []);
    assert.deepEqual(
      (
        await hear(
          scripted(() => 'and so on '.repeat(60)),
          13_000,
          regions,
        )
      ).texts,
      [],
    );
  });

  it('keeps a sentence that is said again and again', async () => {
    const text = 'Now sit down. '.repeat(8).trim();
    assert.deepEqual(
      (
        await hear(
          scripted(() => text),
          13_000,
          [region(200, 12_800)],
        )
      ).texts,
      [text],
    );
  });

  it('never gives the model more sound than it hears at once', async () => {
    const made = scripted((_, heard) => `part ${heard} of what was said in this window`, { maxMs: 10_000 });
    const { texts, lengths } = await hear(made, 25_000, [region(200, 24_800)]);
    assert.ok(Math.max(...lengths) <= 10_000);
    assert.equal(
      lengths.reduce((sum, one) => sum + one, 0),
      25_000,
    );
    assert.equal(texts.length, lengths.length);
  });

  it('tries nothing more once nobody waits', async () => {
    const { model, lengths } = scripted(() => '');
    const pcm = new Float32Array(64_000);
    const hearing = {
      model,
      pcm,
      regions: [region(0, 4_000)],
      ask: { language: 'en', task: 'transcribe' } as const,
      shouldStop: () => true,
    };
    assert.deepEqual(await hearWindow(hearing, await model.encode(pcm)), []);
    assert.equal(lengths.length, 1);
  });
});
