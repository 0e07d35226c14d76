import { z } from 'zod';
import type { Transcript } from '../../transcript/transcript.ts';
import type { ProviderAsk } from '../contract.ts';
import { assembleTranscript, type VendorSpan } from '../support/transcript-assembly.ts';
import { unheardTail } from '../support/unheard-tail.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';

/** The reply of `POST /v2/upload`. The address means something to AssemblyAI alone, and is never asked by us. */
export const uploadReplySchema = z.object({ upload_url: z.string().min(1) });

/** A transcript at any time of its life, as far as it is read. Times of words are milliseconds, `audio_duration` seconds. */
export const jobSchema = z.object({
  id: z.string().min(1),
  status: z.enum(['queued', 'processing', 'completed', 'error']),
  text: z.string().nullish(),
  language_code: z.string().nullish(),
  audio_duration: z.number().nullish(),
  words: z
    .array(z.object({ text: z.string(), start: z.number(), end: z.number(), confidence: z.number().nullish() }))
    .nullish(),
});

export type Job = z.output<typeof jobSchema>;

/** A completed job as a transcript; segments are made of its words, which are punctuated. */
export function toTranscript(job: Job, ask: ProviderAsk, knownLanguage: string | null): Transcript {
  const { durationMs } = ask.audio.probe;
  const text = job.text ?? '';
  const isSilence = text.trim() === '';
  const language = isSilence ? null : (languageCodeOf(job.language_code) ?? knownLanguage);
  const words = job.words?.map(
    (one): VendorSpan => ({ text: one.text, startMs: one.start, endMs: one.end, confidence: one.confidence }),
  );
  const transcript = assembleTranscript({
    text,
    language,
    durationMs,
    segments: words?.length || isSilence ? [] : [{ text, startMs: 0, endMs: durationMs, language }],
    words: words ?? (isSilence ? [] : null),
  });
  return {
    ...transcript,
    words: ask.wantWords ? transcript.words : null,
    unheard: unheardTail(msOfSeconds(job.audio_duration), durationMs),
  };
}
