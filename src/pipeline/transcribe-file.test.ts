import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio, AudioOpener } from '../audio/audio.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { parseDollars } from '../core/money.ts';
import { noTracing, type Tracing } from '../core/tracing.ts';
import { createPriceBook, type Price } from '../metering/price-book.ts';
import type { Call, Provider, ProviderAnswer } from '../providers/contract.ts';
import { createAttempts } from '../routing/attempts.ts';
import { catalogueOrderPolicy } from '../routing/policy.ts';
import { createTranscribeFile, type TranscribeAsk } from './transcribe-file.ts';

const durationMs = 12_625;
const tenCents: Price = { nanosPerMinute: parseDollars('0.10'), minimumMs: 10_000 };
const card = {
  id: 'local/moonshine-tiny',
  features: ['transcribe'],
  languages: ['en'],
  maxDurationMs: null,
  maxUploadBytes: null,
} as const;

function pipeline(
  script: (call: Call) => Promise<ProviderAnswer>,
  deadlineMs = 60_000,
  ownPrice: Partial<Price> = {},
  tracing: Tracing = noTracing,
) {
  let opened = 0;
  const audio: AudioOpener = {
    async open(stored): Promise<Audio> {
      opened++;
      return {
        stored,
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
    },
    async close() {},
  };
  const provider: Provider = {
    id: 'local',
    models: () => [card],
    transcribe: (_ask, call) => script(call),
    async close() {},
  };
  const transcribe = createTranscribeFile({
    audio,
    audioLimits: { maxDurationMs: 14_400_000 },
    policy: catalogueOrderPolicy,
    market: () => ({
      candidates: [{ card, available: true, missing: [] }],
      aliases: new Map([['flux-voice', ['local/moonshine-tiny']]]),
    }),
    attempts: createAttempts({ providers: new Map([['local', provider]]), tracing }),
    tracing,
    prices: createPriceBook(
      new Map([
        ['flux-voice', tenCents],
        ['local/moonshine-tiny', { ...tenCents, ...ownPrice }],
      ]),
    ),
    log: silentLog,
    deadlineMs: () => deadlineMs,
  });
  return { transcribe, opened: () => opened };
}

const ask = (model = 'flux-voice'): TranscribeAsk => ({
  requestId: 'req_test',
  stored: { path: '/nowhere', sizeBytes: 1 },
  model,
  task: 'transcribe',
  language: null,
  prompt: null,
  temperature: null,
  wantWords: false,
  wantLogprobs: false,
});

const answer: ProviderAnswer = {
  transcript: { text: 'hello', language: 'en', durationMs, segments: [], words: null, tokens: null, unheard: [] },
  usage: { type: 'duration', durationMs },
  unmet: [],
};

describe('createTranscribeFile', () => {
  it('charges the probed length at the price of the name that was asked for', async () => {
    const { transcribe } = pipeline(async () => answer);
    const outcome = await transcribe(ask(), new AbortController().signal);
    assert.equal(outcome.routedModel, 'local/moonshine-tiny');
    assert.equal(outcome.billedMs, durationMs);
    assert.equal(outcome.costNanos, 21_041_667n);
  });

  it('charges by tokens where the price has them, and at the price of the length where another model counted', async () => {
    const usage = { type: 'tokens', inputTokens: 14, outputTokens: 11, audioTokens: 14, textTokens: 0 } as const;
    const tokens = { audioNanos: 6_000_000_000n, textNanos: 0n, outputNanos: 10_000_000_000n };
    const { transcribe } = pipeline(async () => ({ ...answer, usage }), 60_000, { tokens });
    const { signal } = new AbortController();
    const named = await transcribe(ask('local/moonshine-tiny'), signal);
    assert.equal(named.costNanos, 194_000n);
    assert.equal((await transcribe(ask(), signal)).costNanos, 21_041_667n);
  });

  it('opens no audio for a model that the key may not use', async () => {
    const { transcribe, opened } = pipeline(async () => answer);
    const access = { allowedModels: ['flux-voice-fast'], localOnly: false, maxNanosPerMinute: null };
    await assert.rejects(transcribe({ ...ask(), access }, new AbortController().signal), {
      code: 'model_not_allowed',
      status: 403,
    });
    assert.equal(opened(), 0);
  });

  it('opens no audio for a model that does not exist', async () => {
    const { transcribe, opened } = pipeline(async () => answer);
    await assert.rejects(transcribe(ask('nothing'), new AbortController().signal), { code: 'model_not_found' });
    assert.equal(opened(), 0);
  });

  it('stops the provider when the deadline passes, and says so', async () => {
    let stopped = false;
    const { transcribe } = pipeline(
      (call) =>
        new Promise((_, reject) => {
          // A pending timer keeps the test alive until the deadline comes.
          const alive = setTimeout(() => undefined, 10_000);
          call.signal.addEventListener('abort', () => {
            stopped = true;
            clearTimeout(alive);
            reject(new GatewayError('client_closed_request', 'stopped'));
          });
        }),
      20,
    );
    await assert.rejects(transcribe(ask(), new AbortController().signal), { code: 'timeout' });
    assert.equal(stopped, true);
  });

  it("stops the provider when the caller leaves, and leaves the caller's own reason", async () => {
    const controller = new AbortController();
    const { transcribe } = pipeline(
      (call) =>
        new Promise((_, reject) => {
          call.signal.addEventListener('abort', () => reject(new GatewayError('client_closed_request', 'left')));
          controller.abort();
        }),
    );
    await assert.rejects(transcribe(ask(), controller.signal), { code: 'client_closed_request' });
  });

  it('tells of the request and of every attempt below it, whatever comes of them', async () => {
    const spans: { name: string; parent: string | null; failure: string | null | undefined; keys: string[] }[] = [];
    const names = new Map<object, string>();
    const tracing: Tracing = {
      start(name, attributes, parent) {
        const told = {
          name,
          parent: (parent && names.get(parent)) ?? null,
          failure: undefined as string | null | undefined,
          keys: Object.keys(attributes),
        };
        spans.push(told);
        const span = {
          set: (more: object) => void told.keys.push(...Object.keys(more)),
          end(failure: string | null) {
            told.failure = failure;
          },
        };
        names.set(span, name);
        return span;
      },
    };
    await pipeline(async () => answer, 60_000, {}, tracing).transcribe(ask(), new AbortController().signal);
    const broken = pipeline(() => Promise.reject(new GatewayError('engine_crashed', 'died')), 60_000, {}, tracing);
    await assert.rejects(broken.transcribe(ask(), new AbortController().signal));
    assert.deepEqual(
      spans.map(({ name, parent, failure }) => [name, parent, failure]),
      [
        ['transcription', null, null],
        ['attempt', 'transcription', null],
        ['transcription', null, 'engine_crashed'],
        ['attempt', 'transcription', 'engine_crashed'],
      ],
    );
    assert.ok(spans[0]?.keys.includes('fluxscribe.audio_seconds') && spans[0].keys.includes('fluxscribe.model'));
  });
});
