import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ListenAsk } from '../listener.ts';
import type { DuoMode, HeardWord, RecogniseResult } from '../protocol.ts';
import type { LanguageGuess, SpeechModel } from '../speech-model.ts';
import { Duo, type WindowHearing } from './duo.ts';

const ids = { english: 'quick', general: 'many' };
const never = () => false;
const sound = new Float32Array(16_000 * 4);
const speaking = new Float32Array(125).fill(1);
const silent = new Float32Array(125);
const asked: ListenAsk = { wantTimes: false, task: 'transcribe', language: 'en', languageHint: null };

/** What one model writes, with the log-probability of each word, and which of two words it prefers when it is asked. */
interface Script {
  readonly text: string;
  readonly logprob?: number;
  readonly likes?: string;
  readonly guesses?: readonly LanguageGuess[];
}

/** A model whose words are tokens of their own; it counts its calls. */
class ScriptedModel implements SpeechModel<'window'> {
  readonly frameSamples = 320;
  readonly maxSamples = 480_000;
  readonly languages: readonly string[] = ['en', 'fr'];
  readonly tasks = ['transcribe', 'translate'] as const;
  readonly calls: string[] = [];
  readonly script: Script;
  readonly #vocabulary: string[] = [];
  readonly tokenizer = {
    encodeWord: (word: string) => [this.#idOf(word)],
    bytes: (id: number) => Buffer.from(` ${this.#vocabulary[id]}`),
  };

  constructor(script: Script) {
    this.script = script;
  }

  #idOf(word: string): number {
    const known = this.#vocabulary.indexOf(word);
    return known >= 0 ? known : this.#vocabulary.push(word) - 1;
  }

  async encode(): Promise<'window'> {
    this.calls.push('encode');
    return 'window';
  }
  async identify() {
    this.calls.push('identify');
    return this.script.guesses ?? [{ language: 'en', probability: 1 }];
  }
  async greedy() {
    const words = this.script.text.split(' ').filter(Boolean);
    const logprobs = words.map(() => this.script.logprob ?? -0.01);
    return { ids: words.map((word) => this.#idOf(word)), logprobs, ended: true, noSpeechProbability: null };
  }
  async forced(_window: 'window', _ask: unknown, tokens: readonly number[]) {
    return { logprobs: tokens.map(() => -0.1), endLogprob: 0, attention: new Float32Array(), frames: 0 };
  }
  async scores(_window: 'window', _ask: unknown, texts: readonly (readonly number[])[]) {
    this.calls.push('scores');
    const liked = this.#idOf(this.script.likes ?? '');
    return texts.map((text) => (text.includes(liked) ? 0 : -5));
  }
}

/** Encodes, writes and gives back the words, as the real recogniser does in the simplest case. */
const hearing: WindowHearing = {
  speechIn: async () => speaking,
  async recognise({ id, model }, pcm, knownSpeech, ask): Promise<RecogniseResult> {
    const isSilent = !knownSpeech?.some((one) => one > 0.5);
    const decodeAsk = { language: ask.language ?? 'en', task: ask.task };
    const heard = isSilent ? { ids: [], logprobs: [] } : await model.greedy(await model.encode(pcm), decodeAsk, never);
    const words = heard.ids.map((token, index): HeardWord => {
      const bytes = model.tokenizer.bytes(token);
      const tokens = [{ id: token, bytes, logprob: heard.logprobs[index] ?? 0 }];
      const times = ask.wantTimes ? { startMs: index * 100, endMs: index * 100 + 90 } : { startMs: null, endMs: null };
      return { text: Buffer.from(bytes).toString().trim(), glued: false, ...times, tokens, confidence: null };
    });
    return {
      words,
      speechMs: isSilent ? 0 : 4000,
      speechSpan: isSilent ? null : { startMs: 0, endMs: 4000 },
      speechProbability: 1,
      unheard: false,
      language: isSilent ? null : (ask.language ?? 'en'),
      languageProbability: null,
      heardBy: isSilent ? [] : [id],
    };
  },
  async align(_model, _pcm, _speech, words) {
    return {
      words: words.map((text, index) => {
        return { text, glued: false, startMs: index, endMs: index + 1, tokens: [], confidence: null };
      }),
    };
  },
};

async function hear(
  mode: DuoMode,
  english: Script,
  general: Script,
  ask: Partial<ListenAsk> = {},
  speech = speaking,
  pcm = sound,
) {
  const [quick, many] = [new ScriptedModel(english), new ScriptedModel(general)];
  const duo = new Duo({ english: quick, general: many, recogniser: hearing, mode, ids });
  const result = await duo.recognise(pcm, speech, { ...asked, ...ask }, never);
  return { result, text: result.words.map((word) => word.text).join(' '), quick, many };
}

const sure: Script = { text: 'we met at noon' };
const unsure: Script = { text: 'we met hat noon', logprob: -1.5, likes: 'at' };
const french: Script = {
  text: 'bonjour',
  guesses: [
    { language: 'fr', probability: 0.97 },
    { language: 'en', probability: 0.01 },
  ],
};

describe('Duo', () => {
  it('leaves clear English to the quick model in auto, without waking the other', async () => {
    const { result, text, many } = await hear('auto', sure, { text: 'something else' }, { language: null });
    assert.equal(text, 'we met at noon');
    assert.deepEqual(result.heardBy, ['quick']);
    assert.deepEqual(many.calls, []);
  });

  it('asks both in auto when the quick model is unsure, and takes the words that both judge better', async () => {
    const { result, text } = await hear('auto', unsure, { text: 'We met at noon.', logprob: -1.5, likes: 'at' });
    assert.equal(text, 'We met at noon.');
    assert.deepEqual(result.heardBy, ['many', 'quick']);
  });

  it('asks both sooner in auto where nothing stands out above the band of a telephone', async () => {
    const almostSure = { ...sure, logprob: -0.1 };
    const whistling = sound.map((_, index) => (index < sound.length / 2 ? Math.sin(2.2 * index) : 0));
    const open = await hear('auto', almostSure, sure, {}, speaking, whistling);
    assert.deepEqual(open.result.heardBy, ['quick']);
    assert.deepEqual((await hear('auto', almostSure, sure)).result.heardBy, ['many', 'quick']);
  });

  it("keeps the quick model's words where both judge them better", async () => {
    const general = { text: 'We met fat noon.', logprob: -1.5, likes: 'at' };
    const { text } = await hear('accurate', { ...unsure, text: 'we met at noon', logprob: -0.5 }, general);
    assert.equal(text, 'We met at noon.');
  });

  it('always asks both in accurate, and never in fast when English was named', async () => {
    assert.deepEqual((await hear('accurate', sure, sure)).result.heardBy, ['many', 'quick']);
    assert.deepEqual((await hear('fast', unsure, sure)).result.heardBy, ['quick']);
  });

  it('encodes a window once for each model, whatever it is asked', async () => {
    const { quick, many } = await hear('accurate', unsure, { text: 'We met at noon', likes: 'at' }, { language: null });
    assert.equal(quick.calls.filter((call) => call === 'encode').length, 1);
    assert.equal(many.calls.filter((call) => call === 'encode').length, 1);
  });

  it('gives other languages and translations to the general model alone', async () => {
    for (const ask of [{ language: 'fr' }, { task: 'translate', language: 'en' }] as const) {
      const { result, quick } = await hear('accurate', sure, { text: 'bonjour' }, ask);
      assert.deepEqual(result.heardBy, ['many']);
      assert.deepEqual(quick.calls, []);
    }
  });

  it('finds another language when none is named and the quick model is unsure', async () => {
    for (const mode of ['fast', 'auto', 'accurate'] as const) {
      const { result, text } = await hear(mode, unsure, french, { language: null });
      assert.equal(result.language, 'fr');
      assert.equal(result.languageProbability, 0.97);
      assert.equal(text, 'bonjour');
    }
  });

  it('takes English for English while another language is not clear', async () => {
    const guesses = [
      { language: 'cy', probability: 0.6 },
      { language: 'en', probability: 0.3 },
    ];
    const { result } = await hear('auto', unsure, { ...unsure, guesses }, { language: null });
    assert.equal(result.language, 'en');
  });

  it('looks at the language first where another one was spoken before', async () => {
    const { result, quick } = await hear('auto', sure, french, { language: null, languageHint: 'fr' });
    assert.equal(result.language, 'fr');
    assert.deepEqual(quick.calls, []);
  });

  it('wakes nobody where nobody speaks', async () => {
    const { result, quick, many } = await hear('accurate', sure, sure, { language: null }, silent);
    assert.deepEqual(result.words, []);
    assert.equal(result.language, null);
    assert.deepEqual([...quick.calls, ...many.calls], []);
  });

  it('gives times when they are asked for, and a confidence to every word', async () => {
    const { result } = await hear('accurate', unsure, { text: 'We met at noon' }, { wantTimes: true });
    for (const word of result.words) {
      assert.ok(word.startMs !== null && word.endMs !== null);
      assert.ok(word.confidence !== null && word.confidence > 0 && word.confidence < 1);
    }
  });

  it('takes the other text when one model is silent', async () => {
    assert.equal((await hear('accurate', { text: '' }, sure)).text, 'we met at noon');
    const { result, text } = await hear('accurate', sure, { text: 'we' });
    assert.equal(text, 'we met at noon');
    assert.deepEqual(result.heardBy, ['quick', 'many']);
  });
});
