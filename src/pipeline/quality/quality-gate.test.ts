import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio, SpeechSpan } from '../../audio/audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { ProviderAnswer, ProviderAsk } from '../../providers/contract.ts';
import type { Transcript } from '../../transcript/transcript.ts';
import { createQualityGate } from './quality-gate.ts';

const never = new AbortController().signal;
const sentence =
  'Margaret said, Mister Hale, as he returned from showing his guest downstairs, I could not help watching your face with some anxiety.';

function audioOf(durationMs: number): Audio {
  return {
    stored: { path: '/nowhere', sizeBytes: 1 },
    probe: {
      container: 'wav',
      codec: 'pcm',
      sampleRate: 16_000,
      channels: 1,
      durationMs,
      headerDurationMs: null,
      canonicalFileName: 'audio.wav',
      mediaType: 'audio/wav',
    },
    async *pcm() {},
  };
}

interface Case {
  readonly durationMs?: number;
  /** What the voice detector finds; an error: it cannot. */
  readonly speech?: readonly SpeechSpan[] | GatewayError;
  readonly language?: string | null;
  readonly reported?: string | null;
  readonly task?: 'transcribe' | 'translate';
  readonly more?: Partial<Transcript>;
}

const spoken = (durationMs: number): SpeechSpan[] => [{ startMs: 0, endMs: durationMs }];

async function judge(text: string, { durationMs = 10_000, ...more }: Case = {}, signal = never) {
  let listened = 0;
  const gate = createQualityGate({
    speech: {
      async find() {
        listened++;
        const found = more.speech ?? spoken(durationMs);
        if (found instanceof GatewayError) throw found;
        return found;
      },
    },
    log: silentLog,
  });
  const answer: ProviderAnswer = {
    transcript: {
      text,
      language: more.reported ?? null,
      durationMs,
      segments: [],
      words: null,
      tokens: null,
      unheard: [],
      ...more.more,
    },
    usage: { type: 'duration', durationMs },
    unmet: [],
  };
  const ask: ProviderAsk = {
    audio: audioOf(durationMs),
    modelId: 'vendor/model',
    task: more.task ?? 'transcribe',
    language: more.language ?? null,
    prompt: null,
    temperature: null,
    wantWords: false,
    wantLogprobs: false,
  };
  return { ...(await gate.judge(answer, ask, signal)), listened };
}

describe('the quality gate', () => {
  it('does not look at the sound of an answer whose text looks right', async () => {
    const { fault, speechMs, listened, characterCount } = await judge(sentence, { language: 'en', reported: 'en' });
    assert.deepEqual([fault, speechMs, listened, characterCount], [null, null, 0, 107]);
  });

  it('takes an empty text over silence, noise and a laugh for right, and over speech for a fault', async () => {
    assert.equal((await judge('', { speech: [] })).fault, null);
    assert.equal((await judge('', { speech: spoken(1_024) })).fault, null);
    const empty = await judge(' … ', { speech: spoken(4_000) });
    assert.deepEqual([empty.fault, empty.speechMs, empty.characterCount], ['empty', 4_000, 0]);
  });

  it('believes whoever listened here that speech stayed without text, without listening again', async () => {
    const unheard = [{ startMs: 1_000, endMs: 5_000 }];
    const { fault, listened } = await judge('', { speech: [], more: { unheard } });
    assert.deepEqual([fault, listened], ['empty', 0]);
  });

  it('finds text that nobody spoke', async () => {
    for (const text of ['Thanks for watching!', 'ご視聴ありがとうございました', 'Untertitel der Amara.org-Community']) {
      assert.equal((await judge(text, { speech: [] })).fault, 'unspoken', text);
      assert.equal((await judge(text, { durationMs: 1_000, speech: [] })).fault, 'unspoken', text);
      assert.equal((await judge(text, { durationMs: 3_000 })).fault, null, text);
    }
    assert.equal((await judge('Yes.', { durationMs: 6_000, speech: spoken(400) })).fault, null);
  });

  it('finds a text that is too short for the speech, by what its script can say in the time', async () => {
    assert.equal((await judge('Margaret said, Mister Hale')).fault, 'too-short');
    assert.equal((await judge('他说他明天', { durationMs: 10_000 })).fault, 'too-short');
    assert.equal((await judge('他说他明天不来因为他要去看他的母亲', { durationMs: 9_000 })).fault, null);
    assert.equal((await judge('7 2 5 9 0 1 8 4', { durationMs: 8_000, speech: spoken(7_000) })).fault, null);
    assert.equal((await judge('Um.', { durationMs: 1_900 })).fault, null);
  });

  it('lets a few words stand in a recording that is mostly silent', async () => {
    const result = await judge('Two tickets, please.', { durationMs: 60_000, speech: spoken(1_500) });
    assert.deepEqual([result.fault, result.listened], [null, 1]);
  });

  it('finds a loop, and lets people repeat themselves', async () => {
    assert.equal((await judge(`${sentence} ${'and then we '.repeat(15)}`, { durationMs: 20_000 })).fault, 'loop');
    assert.equal((await judge('go on then '.repeat(11), { durationMs: 10_000 })).fault, 'loop');
    assert.equal((await judge('谢谢大家'.repeat(20), { durationMs: 20_000 })).fault, 'loop');
    assert.equal((await judge('no '.repeat(60), { durationMs: 10_000 })).fault, 'loop');
    assert.equal((await judge('No, no, '.repeat(6), { durationMs: 6_000 })).fault, null);
    assert.equal((await judge('ハ'.repeat(12), { durationMs: 3_000 })).fault, null);
    assert.equal((await judge('I do not know. '.repeat(5), { durationMs: 8_000 })).fault, null);
  });

  it('finds another language than the one that was named, by script, by small words, by what the engine reports', async () => {
    assert.equal((await judge(sentence, { language: 'ja' })).fault, 'wrong-language');
    assert.equal((await judge(sentence, { language: 'de' })).fault, 'wrong-language');
    assert.equal(
      (await judge('これは日本語の文章です。', { durationMs: 3_000, language: 'en' })).fault,
      'wrong-language',
    );
    const rare = 'Helsingin kaupunki rakentaa uuden kirjaston keskustaan ensi vuonna.';
    assert.equal((await judge(rare, { durationMs: 5_000, language: 'et', reported: 'fi' })).fault, 'wrong-language');
    assert.equal((await judge(rare, { durationMs: 5_000, language: 'fi', reported: 'fi' })).fault, null);
  });

  it('trusts the text more than a reported language, and takes kin and names for no fault', async () => {
    assert.equal((await judge(sentence, { language: 'en', reported: 'cy' })).fault, null);
    assert.equal((await judge('OpenAI GPT', { durationMs: 1_500, language: 'ja', reported: 'en' })).fault, null);
    const danish = 'Det var en kold morgen da han gik ned til havnen for at se på skibene.';
    assert.equal((await judge(danish, { durationMs: 5_000, language: 'no', reported: 'da' })).fault, null);
    assert.equal(
      (await judge('Ovo je naš grad i naša rijeka koju volimo.', { language: 'sr', durationMs: 4_000 })).fault,
      null,
    );
  });

  it('wants English of a translation, whatever was spoken', async () => {
    const asked = { task: 'translate', language: 'de', reported: 'de' } as const;
    assert.equal((await judge(sentence, asked)).fault, null);
    const german = 'Der Raum, der hinter diesem Portal liegt, wurde früher als Lager genutzt und ist heute leer.';
    assert.equal((await judge(german, { ...asked, durationMs: 7_000 })).fault, 'wrong-language');
  });

  it('finds text that stops long before the speech does', async () => {
    const durationMs = 90_000;
    const segment = {
      text: '',
      startMs: 0,
      endMs: 60_000,
      language: null,
      speaker: null,
      confidence: null,
      avgLogprob: null,
      noSpeechProbability: null,
      tokens: [],
    };
    const more = { segments: [segment] };
    const text = Array.from({ length: 180 }, (_, index) => ((index + 9) ** 4).toString(36)).join(' ');
    assert.equal((await judge(text, { durationMs, more })).fault, 'too-short');
    assert.equal((await judge(text, { durationMs, more, speech: spoken(61_000) })).fault, null);
    assert.equal((await judge(text, { durationMs })).listened, 0);
  });

  it('fails no answer that it cannot check, but stops when the caller leaves', async () => {
    const full = new GatewayError('service_unavailable', 'The engine is busy.');
    const unchecked = await judge('', { speech: full });
    assert.deepEqual([unchecked.fault, unchecked.speechMs], [null, null]);
    const left = new GatewayError('client_closed_request', 'The caller left.');
    await assert.rejects(judge('', { speech: left }, AbortSignal.abort()), { code: 'client_closed_request' });
  });
});
