import { attemptPath } from '../../core/attempt-path.ts';
import { formatDollars } from '../../core/money.ts';
import type { TranscribeOutcome } from '../../pipeline/transcribe-file.ts';
import { unheardSeconds } from '../../rendering/common-parts.ts';
import type { Receipt } from '../../rendering/rendering-ask.ts';
import { limitHeaders } from '../limit-headers.ts';
import type { TranscriptionRequest } from '../transcription-request.ts';

/** What was done for the money, which of it came from whom, and what stayed undone. */
export function toReceipt(outcome: TranscribeOutcome, request: TranscriptionRequest): Receipt {
  const { transcript, attempts } = outcome;
  const lacking = [...outcome.unmet, ...(lacksSpeakers(outcome, request) ? (['diarize'] as const) : [])];
  const unmet = [...new Set([...request.unmet, ...lacking.filter((feature) => wasAskedFor(feature, request))])];
  const derived = Object.entries(outcome.derived ?? {});
  const unheard = unheardSeconds(transcript);
  return {
    routed_model: outcome.routedModel,
    billed_seconds: outcome.billedMs / 1000,
    cost_usd: formatDollars(outcome.costNanos),
    ...(unmet.length > 0 && { unmet }),
    ...(derived.length > 0 && { derived: derived.map(([what, how]) => `${what}=${how}`) }),
    // Every attempt with its end, in order; there is one only when nothing went wrong.
    ...(attempts.length > 1 && { fallback: attemptPath(attempts) }),
    ...(unheard > 0 && { unheard_seconds: unheard }),
  };
}

/** The format has a speaker for every segment; where nobody told them apart, all are one. */
function lacksSpeakers({ transcript }: TranscribeOutcome, { format }: TranscriptionRequest): boolean {
  const { segments, text } = transcript;
  return format === 'diarized_json' && text !== '' && segments.every((segment) => segment.speaker === null);
}

/** Subtitles want word times for themselves; the caller has not asked for any, and is not told that they are missing. */
function wasAskedFor(feature: TranscribeOutcome['unmet'][number], request: TranscriptionRequest): boolean {
  return feature !== 'word-times' || (request.showWords && request.format === 'verbose_json');
}

/** The receipt as the `x-flux-…` headers. */
export function receiptHeaders(receipt: Receipt): Record<string, string> {
  return {
    'x-flux-routed-model': receipt.routed_model,
    'x-flux-billed-seconds': String(receipt.billed_seconds),
    'x-flux-cost-usd': receipt.cost_usd,
    ...(receipt.unmet && { 'x-flux-unmet': receipt.unmet.join(', ') }),
    ...(receipt.derived && { 'x-flux-derived': receipt.derived.join(', ') }),
    ...(receipt.fallback && { 'x-flux-fallback': receipt.fallback.join(', ') }),
    ...(receipt.unheard_seconds !== undefined && { 'x-flux-unheard-seconds': String(receipt.unheard_seconds) }),
  };
}

/** Every header of ours that a page in a browser may read. */
export const exposedHeaders: readonly string[] = [
  'x-request-id',
  'openai-processing-ms',
  'retry-after',
  'x-should-retry',
  ...limitHeaders,
  'x-flux-routed-model',
  'x-flux-billed-seconds',
  'x-flux-cost-usd',
  'x-flux-fallback',
  'x-flux-unmet',
  'x-flux-derived',
  'x-flux-unheard-seconds',
  'x-flux-ignored-fields',
  'idempotent-replayed',
];

const maxIgnoredNames = 20;

/** `x-flux-ignored-fields`: the names are the caller's own, so they are escaped and few. null when there is none. */
export function ignoredFieldsHeader(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const shown = names.slice(0, maxIgnoredNames).map((name) =>
    name
      .toWellFormed()
      .slice(0, 64)
      .replaceAll(/[^\w.[\]-]+/gu, (part) => encodeURIComponent(part.toWellFormed())),
  );
  if (names.length > maxIgnoredNames) shown.push('...');
  return shown.join(', ');
}
