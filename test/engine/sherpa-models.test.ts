import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GatewayError } from '../../src/core/errors.ts';
import type { ListenAsk } from '../../src/engine/listener.ts';
import { openSession } from '../../src/engine/onnx/session.ts';
import type { RecogniseResult } from '../../src/engine/protocol.ts';
import type { SherpaLoader } from '../../src/engine/sherpa/find-model-files.ts';
import { SherpaModel } from '../../src/engine/sherpa/sherpa-model.ts';
import {
  nemoDecoder,
  nemoEncoder,
  nemoJoiner,
  nemoTokens,
  type Scheduled,
  senseTokens,
  senseVoice,
  tokensFile,
  writeFolder,
  zipformerDecoder,
  zipformerEncoder,
  zipformerJoiner,
  zipformerTokens,
} from './sherpa-toy-models.ts';

const FRAME_MS = 32;
const SAMPLES_PER_FRAME = 512;
const plain: ListenAsk = { wantTimes: true, task: 'transcribe', language: null, languageHint: null };
const never = () => false;
/** A detector that must not be needed: the tests say where speech is. */
const noDetector = { probabilities: () => Promise.reject(new Error('the detector was asked')) };

/** Sound of so many frames, and the frames in which somebody speaks (from, to). */
function sound(frames: number, ...speaking: readonly (readonly [number, number])[]) {
  const speech = new Float32Array(frames);
  for (const [from, to] of speaking) speech.fill(0.9, from, to);
  const pcm = new Float32Array(frames * SAMPLES_PER_FRAME).map((_, index) => Math.sin(index / 5) / 2);
  return { pcm, speech };
}

const textOf = (result: RecogniseResult) =>
  result.words.reduce((text, word) => text + (word.glued || text === '' ? '' : ' ') + word.text, '');
const timesOf = (result: RecogniseResult) => result.words.map((word) => [word.startMs, word.endMs]);

describe('models in sherpa-onnx', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(os.tmpdir(), 'fluxscribe-sherpa-'));
  });
  after(() => rmSync(root, { recursive: true }));

  function open(loader: SherpaLoader, files: Readonly<Record<string, Uint8Array | string>>): Promise<SherpaModel> {
    const folder = writeFolder(mkdtempSync(join(root, 'model-')), files);
    return SherpaModel.open({ id: 'made-up', loader, folder }, noDetector, 1);
  }

  const openSense = (text: readonly Scheduled[], heard = 'yue') =>
    open('sherpa-sense-voice', {
      'model.int8.onnx': senseVoice(text, heard),
      'tokens.txt': tokensFile(senseTokens),
    });
  const openNemo = (text: readonly Scheduled[]) =>
    open('sherpa-nemo-transducer', {
      'encoder.int8.onnx': nemoEncoder(text),
      'decoder.int8.onnx': nemoDecoder(),
      'joiner.int8.onnx': nemoJoiner(),
      'tokens.txt': tokensFile(nemoTokens),
    });
  const openZipformer = (text: readonly Scheduled[]) =>
    open('sherpa-zipformer-streaming', {
      'encoder-epoch-99-avg-1-chunk-16-left-128.onnx': zipformerEncoder(text),
      'decoder-epoch-99-avg-1-chunk-16-left-128.onnx': zipformerDecoder(),
      'joiner-epoch-99-avg-1-chunk-16-left-128.onnx': zipformerJoiner(),
      'tokens.txt': tokensFile(zipformerTokens),
    });

  describe('SenseVoice', () => {
    const morning: readonly Scheduled[] = [
      { frame: 10, token: '▁morn' },
      { frame: 13, token: 'ing' },
      { frame: 15, token: '.' },
    ];

    it('gives words with times from its token times, normalised, and the language of its tag', async () => {
      const model = await openSense(morning);
      const { pcm, speech } = sound(60, [10, 50]);
      const result = await model.recognise(pcm, speech, plain, never);
      assert.equal(textOf(result), 'Good morning.');
      // The piece begins 9 frames of 32 ms before speech; a frame of the model is 60 ms. The first word is from before it.
      assert.deepEqual(timesOf(result), [
        [10 * FRAME_MS, FRAME_MS + 10 * 60],
        [FRAME_MS + 10 * 60, 50 * FRAME_MS],
      ]);
      assert.equal(result.language, 'yue');
      assert.deepEqual(model.languages, ['zh', 'en', 'ja', 'ko', 'yue']);
      assert.deepEqual(result.heardBy, ['made-up']);
      assert.deepEqual(result.speechSpan, { startMs: 320, endMs: 1600 });
      assert.deepEqual(
        result.words.map((word) => [word.tokens.length, word.confidence]),
        [
          [0, null],
          [0, null],
        ],
      );
    });

    it('tells the model the language that was asked for, each time anew', async () => {
      const model = await openSense(morning);
      const { pcm, speech } = sound(60, [10, 50]);
      const heard: (string | null)[] = [];
      for (const language of ['zh', null, 'en', 'zh'] as const) {
        const asked = model.recognise(pcm, speech, { ...plain, language }, never);
        heard.push((await asked).language);
      }
      assert.deepEqual(heard, ['zh', 'yue', 'en', 'zh']);
    });

    it('takes pieces that come at once one after another, each with its own language', async () => {
      const model = await openSense(morning);
      const { pcm, speech } = sound(60, [10, 50]);
      const asks = ['en', null, 'zh', null].map((language) =>
        model.recognise(pcm, speech, { ...plain, language }, never),
      );
      assert.deepEqual(
        (await Promise.all(asks)).map((one) => one.language),
        ['en', 'yue', 'zh', 'yue'],
      );
    });

    it('writes each Chinese token as a word without a space, punctuation closing on it', async () => {
      const model = await openSense(
        [
          { frame: 6, token: '你' },
          { frame: 9, token: '好' },
          { frame: 12, token: '，' },
          { frame: 15, token: '▁morn' },
          { frame: 16, token: 'ing' },
        ],
        'zh',
      );
      const { pcm, speech } = sound(80, [10, 70]);
      const result = await model.recognise(pcm, speech, plain, never);
      assert.deepEqual(
        result.words.map((word) => [word.text, word.glued]),
        [
          ['Good', false],
          ['你', true],
          ['好，', true],
          ['morning', false],
        ],
      );
    });

    it('leaves the language open where the model says that nobody speaks', async () => {
      const model = await openSense(morning, 'nospeech');
      const { pcm, speech } = sound(60, [10, 50]);
      assert.equal((await model.recognise(pcm, speech, plain, never)).language, null);
    });
  });

  describe('Parakeet', () => {
    const greeting: readonly Scheduled[] = [
      { frame: 2, token: '▁Guten', frames: 3 },
      { frame: 6, token: '▁Mor', logit: 3 },
      { frame: 7, token: 'gen', frames: 2 },
      { frame: 9, token: '.' },
      { frame: 15, token: '▁wie', frames: 2 },
      { frame: 18, token: '▁geht', frames: 2 },
      { frame: 20, token: "'" },
      { frame: 21, token: 's' },
      { frame: 22, token: '?' },
    ];

    it('gives words with the durations and log-probabilities of their tokens', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(100, [9, 90]);
      const result = await model.recognise(pcm, speech, plain, never);
      assert.equal(textOf(result), "Guten Morgen. wie geht's?");
      assert.deepEqual(timesOf(result), [
        [288, 400],
        [480, 800],
        [1200, 1360],
        [1440, 1840],
      ]);
      const [mor] = result.words[1]!.tokens;
      assert.equal(mor?.id, nemoTokens.indexOf('▁Mor'));
      assert.equal(Buffer.from(mor!.bytes).toString(), ' Mor');
      // One logit of 3 against ten of 0.
      assert.ok(Math.abs(mor!.logprob - -Math.log(1 + 10 * Math.exp(-3))) < 1e-4, String(mor!.logprob));
      assert.ok(model.languages.includes('uk') && model.languages.length === 25);
      // It knows 25 languages and does not say which it heard.
      assert.equal(result.language, null);
      assert.equal((await model.recognise(pcm, speech, { ...plain, language: 'de' }, never)).language, 'de');
    });

    it('gives no times where none were asked for', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(100, [9, 90]);
      const result = await model.recognise(pcm, speech, { ...plain, wantTimes: false }, never);
      assert.deepEqual(new Set(timesOf(result).flat()), new Set([null]));
    });

    it('pulls words into detected speech and keeps them in order', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(100, [9, 20], [60, 90]);
      const result = await model.recognise(pcm, speech, plain, never);
      let before = 0;
      for (const { startMs, endMs } of result.words) {
        assert.ok(startMs! >= before && endMs! > startMs!, `${startMs} to ${endMs} after ${before}`);
        before = endMs!;
        const spoken = [
          [288, 640],
          [1920, 2880],
        ].some(([from, to]) => startMs! >= from! && endMs! <= to! + 60);
        assert.ok(spoken, `${startMs} to ${endMs} is where nobody speaks`);
      }
    });

    it('cuts what is longer than 30 s in a pause and hears each piece', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(1_500, [10, 700], [730, 1_490]);
      const result = await model.recognise(pcm, speech, plain, never);
      assert.equal(textOf(result), "Guten Morgen. wie geht's? Guten Morgen. wie geht's?");
      assert.ok(result.words[4]!.startMs! >= 720 * FRAME_MS);
    });

    it('takes what would end the process: no sound, a few samples, silence, NaN, infinity', async () => {
      const model = await openNemo(greeting);
      const none = await model.recognise(new Float32Array(0), new Float32Array(0), plain, never);
      assert.deepEqual([none.words.length, none.language, none.unheard], [0, null, false]);
      const silent = await model.recognise(new Float32Array(16_000), new Float32Array(32), plain, never);
      assert.equal(silent.words.length, 0);
      // The frames claim more sound than there is.
      const few = await model.recognise(new Float32Array(79), new Float32Array(8).fill(1), plain, never);
      assert.equal(textOf(few), 'Guten Mor');
      assert.ok(few.words[1]!.startMs! > few.words[0]!.startMs! && few.words[1]!.endMs! <= 79 / 16);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e30]) {
        const bad = await model.recognise(
          new Float32Array(32_000).fill(value),
          new Float32Array(63).fill(1),
          plain,
          never,
        );
        assert.equal(bad.words.length, 4);
      }
    });

    it('refuses to translate and languages that it does not know', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(60, [10, 50]);
      const code = (wanted: string) => (error: unknown) => error instanceof GatewayError && error.code === wanted;
      await assert.rejects(
        model.recognise(pcm, speech, { ...plain, task: 'translate' }, never),
        code('unsupported_value'),
      );
      await assert.rejects(
        model.recognise(pcm, speech, { ...plain, language: 'ja' }, never),
        code('unsupported_language'),
      );
    });

    it('decodes nothing more once it is told to stop', async () => {
      const model = await openNemo(greeting);
      const { pcm, speech } = sound(1_500, [10, 700], [730, 1_490]);
      let asked = 0;
      const result = await model.recognise(pcm, speech, plain, () => ++asked > 1);
      assert.equal(result.words.length, 4);
    });
  });

  describe('a streaming Zipformer', () => {
    it('is fed in chunks, to the last word, in small letters where it has only capitals', async () => {
      // 45 frames of 40 ms are speech: the last words come out of the silence behind it.
      const text = [
        { frame: 10, token: '▁GO' },
        { frame: 11, token: 'OD' },
        { frame: 20, token: '▁MORN', logit: 3 },
        { frame: 22, token: 'ING' },
        { frame: 41, token: "▁IT'" },
        { frame: 43, token: 'S' },
      ];
      const model = await openZipformer(text);
      const { pcm, speech } = sound(56, [9, 56]);
      const result = await model.recognise(pcm, speech, plain, never);
      assert.equal(textOf(result), "good morning it's");
      assert.deepEqual(timesOf(result), [
        [400, 800],
        [800, 1640],
        [1640, 1792],
      ]);
      assert.equal(Buffer.from(result.words[0]!.tokens[0]!.bytes).toString(), ' go');
      assert.ok(result.words[1]!.tokens[0]!.logprob < -0.3);
      assert.equal(result.language, 'en');
    });
  });

  it('runs beside onnxruntime in the same process', async () => {
    const model = await openZipformer([{ frame: 10, token: '▁GO' }]);
    const session = await openSession(zipformerJoiner(), 1);
    assert.deepEqual([...session.inputNames], ['encoder_out', 'decoder_out']);
    const { pcm, speech } = sound(40, [9, 40]);
    assert.equal(textOf(await model.recognise(pcm, speech, plain, never)), 'go');
    await session.release();
  });
});
