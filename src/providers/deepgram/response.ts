import { z } from 'zod';
import type { Transcript } from '../../transcript/transcript.ts';
import type { ProviderAsk } from '../contract.ts';
import { assembleTranscript, type VendorSpan } from '../support/transcript-assembly.ts';
import { unheardTail } from '../support/unheard-tail.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';

const word = z.object({
  word: z.string(),
  punctuated_word: z.string().nullish(),
  start: z.number(),
  end: z.number(),
  confidence: z.number().nullish(),
});

/** The reply of `POST /v1/listen`, as far as it is read. Times are seconds. */
export const listenReplySchema = z.object({
  metadata: z.object({ duration: z.number().nullish() }).nullish(),
  results: z.object({
    channels: z
      .array(
        z.object({
          detected_language: z.string().nullish(),
          alternatives: z.array(z.object({ transcript: z.string(), words: z.array(word).nullish() })).min(1),
        }),
      )
      .min(1),
    utterances: z
      .array(z.object({ start: z.number(), end: z.number(), confidence: z.number().nullish(), transcript: z.string() }))
      .nullish(),
  }),
});

export type ListenReply = z.output<typeof listenReplySchema>;

/**
 * Deepgram's reply as a transcript. Several channels are never asked for, so the first is all there is. Segments are its
 * utterances, and made of the words where it sends none.
 */
export function toTranscript(reply: ListenReply, ask: ProviderAsk, knownLanguage: string | null): Transcript {
  const { durationMs } = ask.audio.probe;
  const [channel] = reply.results.channels;
  const best = channel?.alternatives[0];
  const language = languageCodeOf(channel?.detected_language) ?? knownLanguage;
  const words = best?.words?.map(
    (one): VendorSpan => ({
      // `word` alone is bare and in lower case.
      text: one.punctuated_word ?? one.word,
      startMs: msOfSeconds(one.start),
      endMs: msOfSeconds(one.end),
      confidence: one.confidence,
    }),
  );
  const text = best?.transcript ?? '';
  const transcript = assembleTranscript({
    text,
    language: text.trim() === '' ? null : language,
    durationMs,
    segments: (reply.results.utterances ?? []).map((one) => ({
      text: one.transcript,
      startMs: msOfSeconds(one.start),
      endMs: msOfSeconds(one.end),
      confidence: one.confidence,
      language,
    })),
    words: words ?? (text.trim() === '' ? [] : null),
  });
  return {
    ...transcript,
    words: ask.wantWords ? transcript.words : null,
    unheard: unheardTail(msOfSeconds(reply.metadata?.duration), durationMs),
  };
}
