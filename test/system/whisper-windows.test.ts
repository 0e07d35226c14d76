import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import onnxProto from 'onnx-proto';
import { Whisper } from '../../src/engine/whisper/whisper.ts';
import { speech as fixture, sharedAudio } from '../helpers/speech.ts';
import {
  openWhisperBase,
  plainWords,
  soundOf,
  textOfTokens,
  whisperFolder,
  withoutWhisper,
} from '../helpers/whisper-base.ts';

const spoken = plainWords(fixture.text);
const textOf = (words: readonly { text: string }[]) => words.map((one) => one.text).join(' ');

describe('windows that Whisper base hears', { skip: withoutWhisper }, () => {
  let base: Awaited<ReturnType<typeof openWhisperBase>>;
  let speech: Float32Array;

  before(async () => {
    base = await openWhisperBase();
    speech = await soundOf(fixture.path);
  });

  it('are identified, and stay with the language before where little is said', async () => {
    const heard = await base.hear(speech);
    assert.equal(heard.language, 'en');
    assert.ok((heard.languageProbability ?? 0) > 0.9);
    assert.equal((await base.hear(speech, { hint: 'de' })).language, 'en');
    assert.equal((await base.hear(speech.subarray(0, 14_000), { hint: 'de' })).language, 'de');
    assert.deepEqual(heard.heardBy, ['whisper-base']);
  });

  it('have words whose times rise, lie in the speech and begin where it begins', async () => {
    const led = new Float32Array(speech.length + 32_000);
    led.set(speech, 32_000);
    const { words, speechSpan } = await base.hear(led, { language: 'en' });
    assert.ok(Math.abs((words[0]?.startMs ?? 0) - (speechSpan?.startMs ?? 0)) < 250);
    let last = 0;
    for (const { startMs, endMs } of words) {
      assert.ok(startMs !== null && endMs !== null && startMs >= last && endMs >= startMs);
      last = startMs;
    }
    assert.ok(last <= led.length / 16);
  });

  it('may hold samples that are no numbers', async () => {
    const broken = Float32Array.from(speech);
    for (let index = 1_000; index < broken.length; index += 9_000) broken[index] = Number.NaN;
    broken[20_000] = Number.POSITIVE_INFINITY;
    broken[30_000] = 3e38;
    assert.equal(plainWords(textOf((await base.hear(broken)).words)), spoken);
  });

  it('are heard in pieces when they are longer than it hears at once', async () => {
    const long = new Float32Array(31 * 16_000);
    long.set(speech);
    long.set(speech, long.length - speech.length);
    assert.ok(long.length > base.whisper.maxSamples);
    const { words } = await base.hear(long, { language: 'en' });
    assert.equal(plainWords(textOf(words)), `${spoken} ${spoken}`);
    assert.ok((words.at(-1)?.startMs ?? 0) > 29_000);
  });

  it('are written without spaces in Japanese and Chinese, and translated when asked', async (t) => {
    if (sharedAudio === null) return t.skip('needs ../shared/audio');
    for (const [file, language] of [
      ['ja-leopard.wav', 'ja'],
      ['zh-aishell-BAC009S0724W0121.wav', 'zh'],
    ] as const) {
      const { words, language: found } = await base.hear(await soundOf(join(sharedAudio, 'languages', file)));
      assert.equal(found, language);
      assert.ok(words.length > 4 && words.slice(1).every((one) => one.glued) && words[0]?.glued === false);
    }
    const french = await soundOf(join(sharedAudio, 'languages/fr-leopard.wav'));
    const { words, language } = await base.hear(french, { task: 'translate' });
    assert.equal(language, 'fr');
    assert.match(textOf(words), /\b(the|of|and)\b/);
  });

  it('are heard by exports whose caches cannot be taken apart, too', async (t) => {
    const folder = mkdtempSync(join(os.tmpdir(), 'fluxscribe-whisper-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const model = onnxProto.onnx.ModelProto.decode(readFileSync(join(whisperFolder, 'decoder.int8.onnx')));
    const nodes = model.graph?.node ?? [];
    // Another exporter's shape: an operator between the caches and the layers that read them.
    for (const slice of nodes.filter((one) => /^in_n_layer_self/.test(one.input?.[0] ?? ''))) {
      const name = slice.output?.[0] ?? '';
      slice.output = [`${name}.cut`];
      nodes.push({ opType: 'Identity', input: [`${name}.cut`], output: [name] });
    }
    writeFileSync(join(folder, 'base-decoder.int8.onnx'), onnxProto.onnx.ModelProto.encode(model).finish());
    symlinkSync(join(whisperFolder, 'encoder.int8.onnx'), join(folder, 'base-encoder.int8.onnx'));
    symlinkSync(join(whisperFolder, 'tokens.txt'), join(folder, 'base-tokens.txt'));
    const other = await Whisper.open(folder, 1);
    const english = { language: 'en', task: 'transcribe' } as const;
    const window = await other.encode(speech);
    const heard = await other.greedy(window, english, () => false);
    assert.equal(plainWords(textOfTokens(other, heard.ids)), spoken);
    const changed = [...heard.ids.slice(0, 5), ...heard.ids.slice(6)];
    const [, score = 0] = await other.scores(window, english, [heard.ids, changed]);
    const { logprobs, endLogprob } = await other.forced(window, english, changed);
    assert.ok(Math.abs(score - logprobs.reduce((sum, one) => sum + one, endLogprob)) < 0.5);
  });
});
