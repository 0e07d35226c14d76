import { z } from 'zod';
import type { VendorSegment, VendorSpan } from '../support/transcript-assembly.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';

/** What a vendor said itself, which the AI SDK's shape has no room for. */
export interface KnownPieces {
  readonly words: readonly VendorSpan[];
  /** null: made of the words. */
  readonly segments: readonly VendorSegment[] | null;
}

interface RawResult {
  readonly response?: { readonly body?: unknown } | null | undefined;
  readonly providerMetadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/** null: an unknown vendor, or a reply that is not as expected. */
export function knownPieces(modelProvider: string, result: RawResult): KnownPieces | null {
  if (modelProvider.startsWith('gladia')) return ofGladia(result.providerMetadata?.gladia);
  if (modelProvider.startsWith('revai')) return ofRevAi(result.response?.body);
  return null;
}

const seconds = z.number().nullish();
const share = z.number().nullish();

const gladiaSchema = z.object({
  result: z.object({
    transcription: z.object({
      utterances: z.array(
        z.object({
          text: z.string(),
          start: seconds,
          end: seconds,
          confidence: share,
          speaker: z.union([z.string(), z.number()]).nullish(),
          language: z.string().nullish(),
          words: z.array(z.object({ word: z.string(), start: seconds, end: seconds, confidence: share })),
        }),
      ),
    }),
  }),
});

/** `@ai-sdk/gladia` gives the whole reply as metadata: utterances with words, confidences and speakers. */
function ofGladia(metadata: unknown): KnownPieces | null {
  const parsed = gladiaSchema.safeParse(metadata);
  if (!parsed.success) return null;
  const { utterances } = parsed.data.result.transcription;
  return {
    segments: utterances.map(({ text, start, end, speaker, confidence, language }) => ({
      text,
      startMs: msOfSeconds(start),
      endMs: msOfSeconds(end),
      speaker,
      confidence,
      language: languageCodeOf(language),
    })),
    words: utterances.flatMap(({ words, speaker }) =>
      words.map(({ word, start, end, confidence }) => ({
        text: word,
        startMs: msOfSeconds(start),
        endMs: msOfSeconds(end),
        speaker,
        confidence,
      })),
    ),
  };
}

const revAiSchema = z.object({
  monologues: z.array(
    z.object({
      speaker: z.union([z.string(), z.number()]).nullish(),
      elements: z.array(
        z.object({ type: z.string(), value: z.string(), ts: seconds, end_ts: seconds, confidence: share }),
      ),
    }),
  ),
});

/** Rev AI's monologues: `text` elements are words, `punct` elements (without times) belong to the word before. */
function ofRevAi(body: unknown): KnownPieces | null {
  const parsed = revAiSchema.safeParse(body);
  if (!parsed.success) return null;
  const words: VendorSpan[] = [];
  for (const { speaker, elements } of parsed.data.monologues) {
    for (const { type, value, ts, end_ts: end, confidence } of elements) {
      if (type === 'text') {
        words.push({ text: value, startMs: msOfSeconds(ts), endMs: msOfSeconds(end), speaker, confidence });
      } else if (type === 'punct' && words.length > 0) {
        const last = words[words.length - 1]!;
        words[words.length - 1] = { ...last, text: last.text + value.trim() };
      }
    }
  }
  return { words, segments: null };
}
