import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  answerEvents,
  answerJson,
  answerText,
  type FakeVendor,
  formOf,
  startFakeVendor,
  type VendorBehaviour,
} from '../../../test/helpers/fake-vendor.ts';
import { familyProvider, familyRecording } from '../../../test/helpers/family-provider.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { ProviderAsk } from '../contract.ts';

/** What becomes of a recorded reply when words are wanted. */
interface Outcome {
  readonly language: string | null;
  /** Words with their starts in milliseconds; null: the vendor gives none. */
  readonly words: readonly (readonly [text: string, startMs: number])[] | null;
  readonly segments: readonly (readonly [text: string, startMs: number, endMs: number, speaker: string | null])[];
}

const punctuated = [
  ['Two', 100],
  ['tickets,', 300],
  ['please.', 800],
  ['Thanks.', 1400],
] as const;
const bare = [
  ['Two', 100],
  ['tickets', 300],
  ['please', 800],
  ['Thanks', 1400],
] as const;
const two = [
  ['Two tickets, please.', 0, 1300, null],
  ['Thanks.', 1400, 1900, null],
] as const;
const rounded = [
  ['Two tickets, please.', 0, 1320, null],
  ['Thanks.', 1400, 1900, null],
] as const;

const expected: readonly (readonly [profileId: string, model: string, recording: string, outcome: Outcome])[] = [
  ['openai', 'whisper-1', 'openai-whisper-1', { language: 'en', words: bare, segments: rounded }],
  ['openai', 'gpt-4o-transcribe', 'openai-gpt-4o-transcribe', { language: null, words: null, segments: [] }],
  [
    'openai',
    'gpt-4o-transcribe-diarize',
    'openai-gpt-4o-transcribe-diarize',
    {
      language: null,
      words: null,
      segments: [
        ['Two tickets, please.', 0, 1300, 'A'],
        ['Thanks.', 1400, 1900, 'B'],
      ],
    },
  ],
  ['openai', 'gpt-transcribe', 'openai-gpt-transcribe', { language: 'en', words: null, segments: [] }],
  ['azure', 'whisper', 'azure', { language: 'en', words: bare, segments: rounded }],
  ['groq', 'whisper-large-v3', 'groq', { language: 'en', words: bare, segments: rounded }],
  ['mistral', 'voxtral-mini-latest', 'mistral', { language: null, words: null, segments: two }],
  ['siliconflow', 'FunAudioLLM/SenseVoiceSmall', 'siliconflow', { language: 'en', words: null, segments: [] }],
  ['fireworks', 'whisper-v3', 'fireworks', { language: 'en', words: punctuated, segments: two }],
  ['together', 'openai/whisper-large-v3', 'together', { language: 'en', words: punctuated, segments: two }],
  [
    'hugging-face',
    'openai/whisper-large-v3',
    'hugging-face',
    // The end of its last piece is open: it lasts as long as the recording.
    { language: null, words: null, segments: [two[0], ['Thanks.', 1400, 2000, null]] },
  ],
  ['speaches', 'any', 'speaches', { language: 'en', words: punctuated, segments: two }],
  ['vllm', 'whisper-large-v3', 'vllm', { language: 'en', words: null, segments: rounded }],
  ['whisper.cpp', 'any', 'whisper.cpp', { language: 'en', words: punctuated, segments: two }],
  [
    'fluxscribe',
    'flux-voice',
    'fluxscribe',
    { language: 'en', words: punctuated, segments: [['Two tickets, please.', 100, 1300, null], two[1]] },
  ],
  ['openai-like', 'house-model', 'openai-like', { language: null, words: null, segments: [] }],
];

describe('recorded replies of the family', () => {
  let vendor: FakeVendor;
  let made: MadeAudio;
  before(async () => {
    [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(2000)]);
  });
  after(async () => {
    await Promise.all([vendor.close(), made.remove()]);
  });

  async function transcribe(
    [profileId, model]: readonly [profileId: string, model: string],
    behaviour: VendorBehaviour,
    more: Partial<ProviderAsk> = {},
    onSegment?: (text: string) => void,
  ) {
    vendor.requests.length = 0;
    vendor.behave(behaviour);
    const timeouts = { baseMs: 20_000, perAudioMs: 0 };
    const provider = familyProvider(profileId, model, { url: vendor.url, key: 'k', timeouts });
    const ask: ProviderAsk = {
      audio: made.audio,
      modelId: 'vendor/model',
      task: 'transcribe',
      language: null,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
      ...more,
    };
    try {
      return await provider.transcribe(ask, {
        signal: new AbortController().signal,
        log: silentLog,
        ...(onSegment && {
          onEvent(event) {
            if (event.type === 'segment-final') onSegment(event.segment.text);
          },
        }),
      });
    } finally {
      await provider.close();
    }
  }

  for (const [profileId, model, recording, outcome] of expected) {
    it(`become transcripts: ${recording}`, async () => {
      const body = familyRecording(`${recording}.json`);
      const { transcript, unmet } = await transcribe([profileId, model], answerJson(JSON.parse(body)), {
        wantWords: true,
      });
      assert.equal(transcript.text, 'Two tickets, please. Thanks.');
      assert.deepEqual(
        {
          language: transcript.language,
          words: transcript.words?.map((one) => [one.text, one.startMs]) ?? null,
          segments: transcript.segments.map((one) => [one.text, one.startMs, one.endMs, one.speaker]),
        },
        outcome,
      );
      assert.deepEqual(unmet, outcome.words === null ? ['word-times'] : []);
      assert.deepEqual(transcript.unheard, []);
    });
  }

  const streams: readonly (readonly [profileId: string, model: string, recording: string, unmet?: string[]])[] = [
    ['openai', 'gpt-4o-transcribe', 'openai-stream'],
    ['openai', 'gpt-4o-transcribe-diarize', 'openai-diarize-stream'],
    ['mistral', 'voxtral-mini-latest', 'mistral-stream'],
    ['vllm', 'whisper-large-v3', 'vllm-stream'],
    ['speaches', 'any', 'speaches-stream'],
    ['fluxscribe', 'flux-voice', 'fluxscribe-stream', ['temperature']],
  ];
  for (const [profileId, model, recording, unmet = []] of streams) {
    it(`become finished segments while they come: ${recording}`, async () => {
      const said: string[] = [];
      const answer = await transcribe(
        [profileId, model],
        answerEvents([familyRecording(`${recording}.txt`)]),
        { temperature: 0.3 },
        (text) => said.push(text),
      );
      assert.equal(answer.transcript.text, 'Two tickets, please. Thanks.');
      assert.deepEqual(said, ['Two tickets, please.', 'Thanks.']);
      assert.deepEqual(answer.unmet, unmet);
      assert.equal((await formOf(vendor.requests[0]!)).get('stream'), 'true');
    });
  }

  it('say how much of the recording was heard', async () => {
    const long = { ...made.audio, probe: { ...made.audio.probe, durationMs: 90_000 } };
    const cut = async (profileId: string, model: string, body: object) =>
      (await transcribe([profileId, model], answerJson({ text: 'Half of it.', ...body }), { audio: long })).transcript
        .unheard;
    const tail = [{ startMs: 30_000, endMs: 90_000 }];
    assert.deepEqual(await cut('openai', 'whisper-1', { duration: 30 }), tail);
    assert.deepEqual(await cut('mistral', 'voxtral-mini-latest', { usage: { prompt_audio_seconds: 30 } }), tail);
    const warnings = [{ type: 'speech_not_transcribed', message: '…', start: 10, end: 20 }];
    assert.deepEqual(await cut('fluxscribe', 'flux-voice', { duration: 90, warnings }), [
      { startMs: 10_000, endMs: 20_000 },
    ]);
  });

  it('of another fluxscribe pass on what it left out', async () => {
    const behaviour = answerJson({ text: 'Hello.' }, 200, { 'x-flux-unmet': 'prompt, keywords' });
    const { unmet } = await transcribe(['fluxscribe', 'flux-voice'], behaviour, { prompt: 'x' });
    assert.deepEqual(unmet, ['prompt']);
  });

  it('with an empty list of words beside a text have no words', async () => {
    const behaviour = answerJson({ text: 'Hello.', language: 'en', words: [], segments: [] });
    const { transcript, unmet } = await transcribe(['groq', 'whisper-large-v3'], behaviour, { wantWords: true });
    assert.deepEqual([transcript.words, unmet], [null, ['word-times']]);
    const silence = await transcribe(['groq', 'whisper-large-v3'], answerJson({ text: '', words: [], segments: [] }), {
      wantWords: true,
    });
    assert.deepEqual([silence.transcript.words, silence.unmet], [[], []]);
  });

  it("part whisper.cpp's tokens of scripts without blanks at every character, punctuation aside", async () => {
    const tokens = ['你好', '，', '世界', '。'].map((word, index) => ({
      word,
      start: index * 0.2,
      end: index * 0.2 + 0.2,
    }));
    const { transcript } = await transcribe(
      ['whisper.cpp', 'any'],
      answerJson({ text: '你好，世界。', segments: [{ text: '你好，世界。', start: 0, end: 1, words: tokens }] }),
      { wantWords: true },
    );
    assert.deepEqual(
      transcript.words?.map((one) => one.text),
      ['你好，', '世界。'],
    );
  });

  it('of Hugging Face say when a model that loads will be there', async () => {
    const loading = answerJson(
      { error: 'Model openai/whisper-large-v3 is currently loading', estimated_time: 19.4 },
      503,
    );
    const failure = await transcribe(['hugging-face', 'openai/whisper-large-v3'], loading).then(
      () => assert.fail('it was answered'),
      (thrown: unknown) => thrown,
    );
    assert.ok(failure instanceof GatewayError);
    assert.deepEqual([failure.code, failure.next, failure.retryAfterSeconds], ['service_unavailable', 'try-other', 20]);
  });

  const siliconFlows: readonly (readonly [status: number, body: unknown, code: string])[] = [
    [400, { code: 20012, message: 'Model does not exist. Please check it carefully.', data: null }, 'bad_gateway'],
    [400, { code: 20015, message: 'The parameter is invalid.', data: null }, 'invalid_value'],
    [401, 'Invalid token', 'provider_key_refused'],
    [404, '404 page not found', 'bad_gateway'],
    [429, { message: 'Request was rejected due to rate limiting.', data: '' }, 'service_unavailable'],
    [503, { code: 50505, message: 'Model service overloaded.', data: '' }, 'service_unavailable'],
    [504, '', 'timeout'],
  ];
  for (const [status, body, code] of siliconFlows) {
    it(`of SiliconFlow with ${status} are ${code}`, async () => {
      await assert.rejects(
        transcribe(['siliconflow', 'FunAudioLLM/SenseVoiceSmall'], answerText(JSON.stringify(body), status)),
        { code },
      );
    });
  }
});
