import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio, KnownText } from '../../audio/audio.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { createTextAligner } from './text-aligner.ts';

type AlignmentAsk = Parameters<Engine['align']>[0];

const signal = new AbortController().signal;
const audio: Audio = {
  stored: { path: '/nowhere', sizeBytes: 1 },
  probe: {
    container: 'wav',
    codec: 'pcm',
    sampleRate: 16_000,
    channels: 1,
    durationMs: 5_000,
    headerDurationMs: null,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
  },
  async *pcm() {},
};

/** An engine with these models loaded; the first word begins at once, each takes a second. */
function engineWith(loaded: readonly string[], placesWords = true, logprob = -1) {
  const asked: AlignmentAsk[] = [];
  const engine: Pick<Engine, 'align' | 'models'> = {
    models: loaded,
    async align(ask) {
      asked.push(ask);
      return ask.words.map((text, index) => ({
        text,
        glued: false,
        startMs: placesWords ? index * 1_000 : null,
        endMs: placesWords ? index * 1_000 + 900 : null,
        tokens: [{ id: 1, bytes: new Uint8Array(), logprob }],
        confidence: null,
      }));
    },
  };
  return { engine, asked };
}

const models = [
  { engineId: 'tiny', languages: ['en'] },
  { engineId: 'base', languages: ['*'] },
];
const text = (language: string | null): KnownText => ({ words: ['a', 'b'], language, stretches: null });

describe('the text aligner', () => {
  it('follows a language by the model that knows no other, and every other by one of many', async () => {
    const { engine, asked } = engineWith(['tiny', 'base']);
    const aligner = createTextAligner(engine, () => models);
    for (const language of ['en', 'de', null]) await aligner.align(audio, text(language), signal);
    assert.deepEqual(
      asked.map((one) => [one.modelId, one.language]),
      [
        ['tiny', 'en'],
        ['base', 'de'],
        ['base', null],
      ],
    );
  });

  it('gives the time of each word, and hands on where parts of the text are spoken', async () => {
    const { engine, asked } = engineWith(['tiny']);
    const stretches = [{ startMs: 0, endMs: 2_000, wordCount: 2 }];
    const times = await createTextAligner(engine, () => models).align(audio, { ...text('en'), stretches }, signal);
    assert.deepEqual(times, [
      { startMs: 0, endMs: 900 },
      { startMs: 1_000, endMs: 1_900 },
    ]);
    assert.deepEqual(asked[0]?.stretches, stretches);
  });

  it('says so where no loaded model knows the language', async () => {
    const { engine, asked } = engineWith(['tiny']);
    const aligner = createTextAligner(engine, () => models);
    assert.equal(await aligner.align(audio, text('de'), signal), null);
    assert.equal(
      await createTextAligner(engineWith(['base']).engine, () => models).align(audio, text('xx'), signal),
      null,
    );
    assert.equal(asked.length, 0);
  });

  it('tries a text of unknown language with a model of one, and believes it where it finds the text likely', async () => {
    const likely = createTextAligner(engineWith(['tiny']).engine, () => models);
    assert.equal((await likely.align(audio, text(null), signal))?.length, 2);
    const unlikely = createTextAligner(engineWith(['tiny'], true, -3).engine, () => models);
    assert.equal(await unlikely.align(audio, text(null), signal), null);
    assert.equal(await createTextAligner(engineWith([]).engine, () => models).align(audio, text(null), signal), null);
  });

  it('says so where nothing was heard that words could be put to', async () => {
    const { engine } = engineWith(['tiny'], false);
    assert.equal(await createTextAligner(engine, () => models).align(audio, text('en'), signal), null);
  });

  it('fails as the engine does, in our words', async () => {
    const engine = {
      models: ['tiny'],
      async align(): Promise<never> {
        throw new Error('the model cannot follow a text');
      },
    };
    await assert.rejects(createTextAligner(engine, () => models).align(audio, text('en'), signal), GatewayError);
  });
});
