import type { Audio } from '../../src/audio/audio.ts';
import { type ErrorCode, type ErrorDetails, GatewayError } from '../../src/core/errors.ts';
import type { Call, Provider, ProviderAnswer, ProviderAsk } from '../../src/providers/contract.ts';
import type { Segment } from '../../src/transcript/transcript.ts';

/** What a scripted provider does with one call. */
export type ScriptStep = (call: Call, ask: ProviderAsk) => Promise<ProviderAnswer>;

/** A provider that does what its script says, call by call (the last step again and again), and notes its calls. */
export class ScriptedProvider implements Provider {
  readonly id: string;
  readonly calls: { readonly ask: ProviderAsk; readonly signal: AbortSignal; isOver: boolean }[] = [];
  readonly #steps: readonly ScriptStep[];

  constructor(id: string, ...steps: readonly [ScriptStep, ...ScriptStep[]]) {
    this.id = id;
    this.#steps = steps;
  }

  models() {
    return [];
  }

  async transcribe(ask: ProviderAsk, call: Call): Promise<ProviderAnswer> {
    const step = this.#steps[Math.min(this.calls.length, this.#steps.length - 1)]!;
    const noted = { ask, signal: call.signal, isOver: false };
    this.calls.push(noted);
    try {
      return await step(call, ask);
    } finally {
      noted.isOver = true;
    }
  }

  async close() {}
}

export function answerOf(text: string, more: Partial<ProviderAnswer['transcript']> = {}): ProviderAnswer {
  return {
    transcript: {
      text,
      language: 'en',
      durationMs: 1000,
      segments: [],
      words: null,
      tokens: null,
      unheard: [],
      ...more,
    },
    usage: { type: 'duration', durationMs: 1000 },
    unmet: [],
  };
}

export function segmentOf(text: string, confidence: number | null = null): Segment {
  return {
    text,
    startMs: 0,
    endMs: 500,
    language: null,
    speaker: null,
    confidence,
    avgLogprob: null,
    noSpeechProbability: null,
    tokens: [],
  };
}

export const answers =
  (text: string): ScriptStep =>
  async () =>
    answerOf(text);

/** Fails as a provider does. */
export const fails =
  (code: ErrorCode, details: ErrorDetails = {}): ScriptStep =>
  async () => {
    throw new GatewayError(code, code, { origin: 'provider', ...details });
  };

/** Fails in a way that may be over at the next try. */
export const failsForNow = (details: ErrorDetails = {}): ScriptStep =>
  fails('service_unavailable', { transient: true, ...details });

/** Tells a segment, then goes on. */
export const says =
  (text: string, then: ScriptStep): ScriptStep =>
  (call, ask) => {
    call.onEvent?.({ type: 'segment-final', segment: segmentOf(text), words: null, tokens: null });
    return then(call, ask);
  };

/** Says nothing until its call is aborted. */
export const stalls: ScriptStep = (call) =>
  new Promise((_, reject) => {
    call.signal.addEventListener('abort', () => reject(new GatewayError('bad_gateway', 'cut off')), { once: true });
  });

/** Never answers, and does not listen to its signal either. */
export const ignoresAbort: ScriptStep = () => new Promise(() => {});

/** Lets everything else that is ready happen first. */
export const slowly =
  (then: ScriptStep): ScriptStep =>
  async (call, ask) => {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    return then(call, ask);
  };

/** A second of audio that nobody reads. */
export const noAudio: Audio = {
  stored: { path: '', sizeBytes: 0 },
  probe: {
    container: 'wav',
    codec: 'pcm',
    sampleRate: 16_000,
    channels: 1,
    durationMs: 1000,
    headerDurationMs: null,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
  },
  async *pcm() {},
};

/** The ask of an attempt, as routing gives it. */
export const plainAsk = {
  audio: noAudio,
  task: 'transcribe',
  language: null,
  prompt: null,
  temperature: null,
  wantWords: false,
  wantLogprobs: false,
} as const;
