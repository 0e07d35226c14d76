import { z } from 'zod';
import type { Usage } from '../../core/usage.ts';
import type { OutboundReply } from '../../net/guarded-fetch.ts';
import type { Transcript, TranscriptEvent } from '../../transcript/transcript.ts';
import { readServerSentEvents, type ServerSentEvent } from '../support/server-sent-events.ts';
import { assembleTranscript, type VendorSegment } from '../support/transcript-assembly.ts';
import { nonsense, type VendorComplaint, vendorFailure } from '../support/vendor-failure.ts';
import { parseVendorJson } from '../support/vendor-json.ts';
import { languageCodeOf } from '../support/vendor-times.ts';
import { readComplaint } from './errors.ts';
import {
  languagesSchema,
  logprobsSchema,
  receiptSchema,
  segmentSchema,
  toSegment,
  toTokens,
  toUsage,
  unheardOf,
  usageSchema,
  vendorDurationOf,
  warningsSchema,
  withoutTags,
} from './response.ts';

/**
 * One event of any dialect: OpenAI's `transcript.text.delta|segment|done`, Mistral's `transcription.*` (its delta is called
 * `text`), vLLM's chat chunks.
 */
const eventSchema = z.looseObject({
  type: z.string().nullish(),
  delta: z.string().nullish(),
  text: z.string().nullish(),
  language: z.string().nullish(),
  audio_language: z.string().nullish(),
  languages: languagesSchema,
  logprobs: logprobsSchema,
  usage: usageSchema,
  warnings: warningsSchema,
  x_flux: receiptSchema,
  segments: z.array(segmentSchema).nullish(),
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  error: z.unknown().optional(),
});
type VendorEvent = z.infer<typeof eventSchema>;

export interface StreamContext {
  readonly durationMs: number;
  readonly wantLogprobs: boolean;
  /**
   * `phrases`: each delta is a finished segment; `segments`: the vendor's segments are the text, and its deltas say the
   * same once more.
   */
  readonly kind: 'deltas' | 'phrases' | 'segments';
  readonly secrets: readonly string[];
  readonly onEvent: (event: TranscriptEvent) => void;
}

export interface StreamOutcome {
  readonly transcript: Transcript;
  readonly usage: Usage;
  /** As in `ProviderAnswer`. */
  readonly vendorDurationMs: number | null;
  /** What another fluxscribe says at the end that it left out. */
  readonly unmet: readonly string[];
}

/**
 * Reads a foreign stream to its end and hands on its text as finished segments: the vendor's own where it has them,
 * otherwise sentence by sentence (or phrase by phrase), each "somewhere in the recording", because a delta has no time.
 */
export async function readStream(reply: OutboundReply, context: StreamContext): Promise<StreamOutcome> {
  const state = new StreamState(context);
  for await (const event of readServerSentEvents(reply.chunks())) {
    if (event.data === '[DONE]') {
      state.ended = true;
      break;
    }
    state.take(named(event));
  }
  return state.finish();
}

/** The type stands in the data, in the `event:` line, or in both. */
function named({ event, data }: ServerSentEvent): VendorEvent {
  const parsed = parseVendorJson(data, eventSchema);
  return { ...parsed, type: parsed.type ?? event };
}

const sentence = /^[\s\S]*?[.!?…。！？]["'”’)\]]*(?=\s)/u;

class StreamState {
  ended = false;
  readonly #context: StreamContext;
  #language: string | null = null;
  #usage: VendorEvent['usage'] = null;
  #logprobs: VendorEvent['logprobs'] = null;
  #warnings: VendorEvent['warnings'] = null;
  #unmet: readonly string[] = [];
  #segments: VendorSegment[] = [];
  #doneText: string | null = null;
  #text = '';
  /** Of `#text`, how much has been handed on. */
  #handedOn = 0;

  constructor(context: StreamContext) {
    this.#context = context;
  }

  take(event: VendorEvent): void {
    if (event.error !== undefined && event.error !== null) throw this.#failure(readComplaint(event));
    const languages = event.languages?.[0]?.code;
    this.#language = languageCodeOf(event.audio_language ?? event.language ?? languages) ?? this.#language;
    this.#usage = event.usage ?? this.#usage;
    this.#warnings = event.warnings ?? this.#warnings;
    this.#unmet = event.x_flux?.unmet ?? this.#unmet;
    const kind = event.type ?? '';
    if (kind.endsWith('.segment')) this.#takeSegment(event);
    else if (kind.endsWith('.delta')) this.#takeText(event.delta ?? event.text ?? '');
    else if (kind.endsWith('.done')) this.#takeDone(event);
    for (const choice of event.choices ?? []) {
      this.#takeText(choice.delta?.content ?? '');
      // One for each piece that the server cut the audio into; the last one is the end where `[DONE]` is forgotten.
      if (choice.finish_reason) this.ended = true;
    }
  }

  finish(): StreamOutcome {
    if (!this.ended) throw nonsense('ended too early');
    const { durationMs, kind, wantLogprobs } = this.#context;
    if (kind !== 'segments') this.#handOn(this.#text.length);
    const transcript = assembleTranscript({
      text: this.#doneText ?? (kind === 'segments' ? null : this.#text),
      language: this.#language,
      durationMs,
      segments: this.#segments,
      words: null,
      tokens: wantLogprobs ? toTokens(this.#logprobs) : null,
    });
    return {
      transcript: { ...transcript, unheard: unheardOf({ warnings: this.#warnings, usage: this.#usage }, durationMs) },
      usage: toUsage(this.#usage, durationMs),
      vendorDurationMs: vendorDurationOf({ usage: this.#usage }),
      unmet: this.#unmet,
    };
  }

  #takeSegment(event: VendorEvent): void {
    const parsed = segmentSchema.safeParse(event);
    if (!parsed.success) throw nonsense('has a segment of an unknown shape');
    this.#segments.push(toSegment(parsed.data));
    if (this.#context.kind !== 'segments') return;
    // Assembled with those before it, so that its times and speaker are those of the whole in the end.
    const { durationMs, onEvent } = this.#context;
    const known = assembleTranscript({ text: null, language: null, durationMs, segments: this.#segments, words: null });
    const segment = known.segments.at(-1);
    if (segment) onEvent({ type: 'segment-final', segment, words: null, tokens: null });
  }

  #takeText(delta: string): void {
    if (delta === '') return;
    this.#text += delta;
    const { kind } = this.#context;
    if (kind === 'phrases') this.#handOn(this.#text.length);
    if (kind !== 'deltas') return;
    for (;;) {
      const [whole] = sentence.exec(this.#text.slice(this.#handedOn)) ?? [];
      if (!whole) return;
      this.#handOn(this.#handedOn + whole.length);
    }
  }

  #takeDone(event: VendorEvent): void {
    this.ended = true;
    this.#doneText = event.text === null || event.text === undefined ? null : withoutTags(event.text).text;
    this.#logprobs = event.logprobs ?? null;
    if (event.segments && this.#segments.length === 0) this.#segments = event.segments.map(toSegment);
    // A server that gives all its text at the end has sent no delta.
    if (this.#text === '') this.#takeText(this.#doneText ?? '');
  }

  #handOn(upTo: number): void {
    const text = this.#text.slice(this.#handedOn, upTo).trim();
    this.#handedOn = upTo;
    if (text === '') return;
    const { durationMs, onEvent } = this.#context;
    onEvent({
      type: 'segment-final',
      segment: {
        text,
        startMs: 0,
        endMs: durationMs,
        speaker: null,
        confidence: null,
        language: this.#language,
        avgLogprob: null,
        noSpeechProbability: null,
        tokens: [],
      },
      words: null,
      tokens: null,
    });
  }

  /** A failure inside a stream has no status; its code says as much as there is to know. */
  #failure(complaint: VendorComplaint) {
    return vendorFailure(complaint.code === 'rate_limit_exceeded' ? 429 : 500, complaint, {
      secrets: this.#context.secrets,
    });
  }
}
