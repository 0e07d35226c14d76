import { z } from 'zod';
import type { Usage } from '../../core/usage.ts';
import { separatorBetween } from '../../transcript/joined-text.ts';
import type { TokenLogprob, Transcript, Unheard } from '../../transcript/transcript.ts';
import { assembleTranscript, type VendorSegment, type VendorSpan } from '../support/transcript-assembly.ts';
import { unheardTail } from '../support/unheard-tail.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';

const seconds = z.number().nullish();
const speaker = z.union([z.string(), z.number()]).nullish();

const word = z.object({
  word: z.string().nullish(),
  text: z.string().nullish(),
  start: seconds,
  end: seconds,
  probability: z.number().nullish(),
  confidence: z.number().nullish(),
  speaker,
  speaker_id: speaker,
});

export const segmentSchema = z.object({
  text: z.string(),
  start: seconds,
  end: seconds,
  avg_logprob: z.number().nullish(),
  no_speech_prob: z.number().nullish(),
  confidence: z.number().nullish(),
  tokens: z.array(z.number()).nullish(),
  speaker,
  speaker_id: speaker,
  /** whisper.cpp has its tokens here. */
  words: z.array(word).nullish(),
});

export const usageSchema = z
  .object({
    /** Mistral's: how much of the recording it heard. */
    prompt_audio_seconds: z.number().nullish().catch(null),
    /** OpenAI's: the length that it charges for, in whole seconds. */
    seconds: z.number().nullish().catch(null),
    input_tokens: z.number().nullish(),
    output_tokens: z.number().nullish(),
    input_token_details: z.object({ audio_tokens: z.number().nullish(), text_tokens: z.number().nullish() }).nullish(),
  })
  .nullish();

export const logprobsSchema = z
  .array(z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()).nullish() }))
  .nullish();

/** Hugging Face's pieces; the end of the last one may be open. */
const chunk = z.object({ text: z.string(), timestamp: z.tuple([z.number().nullable(), z.number().nullable()]) });

export const languagesSchema = z.array(z.object({ code: z.string() })).nullish();

/** Another fluxscribe's: speech that it could not write down. */
export const warningsSchema = z
  .array(z.object({ type: z.string(), start: seconds, end: seconds }))
  .nullish()
  .catch(null);

/** Another fluxscribe's word about what it left out; in a body where its headers had gone by then. */
export const receiptSchema = z
  .object({ unmet: z.array(z.string()).nullish() })
  .nullish()
  .catch(null);

/** Only what is read; every member of the family leaves some of it out, or says null. */
export const replySchema = z.object({
  text: z.string(),
  language: z.string().nullish(),
  languages: languagesSchema,
  duration: seconds.catch(null),
  warnings: warningsSchema,
  x_flux: receiptSchema,
  segments: z.array(segmentSchema).nullish(),
  words: z.array(word).nullish(),
  chunks: z.array(chunk).nullish(),
  logprobs: logprobsSchema,
  usage: usageSchema,
});
export type FamilyReply = z.infer<typeof replySchema>;
type HeardParts = Pick<FamilyReply, 'warnings' | 'usage'> & Partial<Pick<FamilyReply, 'duration'>>;

export interface ReplyContext {
  /** Measured by us. */
  readonly durationMs: number;
  readonly task: 'transcribe' | 'translate';
  readonly wantWords: boolean;
}

/** A reply of the family as our transcript. Pure. */
export function toTranscript(reply: FamilyReply, { durationMs, task, wantWords }: ReplyContext): Transcript {
  const { text, language: tagged } = withoutTags(reply.text);
  const language = languageCodeOf(reply.language ?? reply.languages?.[0]?.code) ?? tagged;
  const segments = [...(reply.segments ?? []).map(toSegment), ...(reply.chunks ?? []).map(toChunk)];
  const inner = (reply.segments ?? []).flatMap((segment) => joinTokens(segment.words ?? []));
  const words = reply.words?.map(toWord) ?? (inner.length > 0 ? inner : null);
  const transcript = assembleTranscript({
    text,
    // Translations are English whatever was spoken; the vendor only says so.
    language: task === 'translate' ? null : language,
    durationMs,
    segments,
    words: wantWords ? (words ?? (text === '' && segments.length === 0 ? [] : null)) : null,
    tokens: toTokens(reply.logprobs),
  });
  return { ...transcript, unheard: unheardOf(reply, durationMs) };
}

/** What the vendor says that it did not hear: some cut long audio and answer with a confident text. */
export function unheardOf({ warnings, duration, usage }: HeardParts, durationMs: number): readonly Unheard[] {
  const gaps = (warnings ?? []).flatMap(({ type, start, end }) => {
    const [startMs, endMs] = [msOfSeconds(start), msOfSeconds(end)];
    return type === 'speech_not_transcribed' && startMs !== null && endMs !== null && startMs < endMs
      ? { startMs, endMs: Math.min(endMs, durationMs) }
      : [];
  });
  return gaps.length > 0 ? gaps : unheardTail(msOfSeconds(duration ?? usage?.prompt_audio_seconds), durationMs);
}

/** Tokens where the vendor counts them; otherwise the length that we measured. */
/** The length that the vendor counted, in milliseconds; null: it told none. */
export function vendorDurationOf({ duration, usage }: Partial<Pick<FamilyReply, 'duration' | 'usage'>>): number | null {
  return msOfSeconds(duration ?? usage?.prompt_audio_seconds ?? usage?.seconds);
}

export function toUsage(usage: z.infer<typeof usageSchema>, durationMs: number): Usage {
  if (usage?.input_tokens === null || usage?.input_tokens === undefined) return { type: 'duration', durationMs };
  return {
    type: 'tokens',
    inputTokens: whole(usage.input_tokens),
    outputTokens: whole(usage.output_tokens),
    audioTokens: whole(usage.input_token_details?.audio_tokens),
    textTokens: whole(usage.input_token_details?.text_tokens),
  };
}

export function toTokens(logprobs: z.infer<typeof logprobsSchema>): TokenLogprob[] | null {
  if (!logprobs) return null;
  return logprobs.map(({ token, logprob, bytes }) => ({ token, logprob, bytes: bytes ?? [...Buffer.from(token)] }));
}

export function toSegment(segment: z.infer<typeof segmentSchema>): VendorSegment {
  return {
    text: withoutTags(segment.text).text,
    startMs: msOfSeconds(segment.start),
    endMs: msOfSeconds(segment.end),
    speaker: segment.speaker ?? segment.speaker_id,
    confidence: segment.confidence,
    avgLogprob: segment.avg_logprob ?? null,
    noSpeechProbability: segment.no_speech_prob ?? null,
    tokens: segment.tokens ?? [],
  };
}

function toChunk({ text, timestamp: [start, end] }: z.infer<typeof chunk>): VendorSegment {
  return { text, startMs: msOfSeconds(start), endMs: msOfSeconds(end) };
}

function toWord(one: z.infer<typeof word>): VendorSpan {
  return {
    text: one.word ?? one.text ?? '',
    startMs: msOfSeconds(one.start),
    endMs: msOfSeconds(one.end),
    speaker: one.speaker ?? one.speaker_id,
    confidence: one.confidence ?? one.probability,
  };
}

/**
 * Tokens as words: one begins with a space, or with a character of a script that has none; it is as likely as all its
 * tokens together.
 */
function joinTokens(tokens: readonly z.infer<typeof word>[]): VendorSpan[] {
  const words: VendorSpan[] = [];
  for (const token of tokens) {
    const piece = toWord(token);
    const last = words.at(-1);
    if (!last || /^\s/.test(piece.text) || isUnspaced(last.text, piece.text)) words.push(piece);
    else {
      const confidence =
        typeof last.confidence === 'number' && typeof piece.confidence === 'number'
          ? last.confidence * piece.confidence
          : null;
      words[words.length - 1] = { ...last, text: last.text + piece.text, endMs: piece.endMs, confidence };
    }
  }
  return words;
}

function isUnspaced(left: string, right: string): boolean {
  return left !== '' && /^\p{L}/u.test(right) && separatorBetween(left, right) === '';
}

/** SenseVoice's marks, `<|zh|><|NEUTRAL|><|Speech|>`: nobody said them, but the first may name the language. */
export function withoutTags(text: string): { text: string; language: string | null } {
  if (!text.includes('<|')) return { text: text.trim(), language: null };
  const [, first] = /<\|([a-z]{2,3})\|>/.exec(text) ?? [];
  const bare = text.replaceAll(/<\|[^|<>]{1,40}\|>/g, '').trim();
  return { text: bare, language: languageCodeOf(first) };
}

function whole(count: number | null | undefined): number {
  return count === null || count === undefined || !Number.isFinite(count) ? 0 : Math.max(0, Math.round(count));
}
