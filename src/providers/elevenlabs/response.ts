import { z } from 'zod';
import type { TokenLogprob, Transcript } from '../../transcript/transcript.ts';
import type { ProviderAsk } from '../contract.ts';
import { assembleTranscript, type VendorSpan } from '../support/transcript-assembly.ts';
import { unheardTail } from '../support/unheard-tail.ts';
import { languageCodeOf, msOfSeconds, probabilityOfLog } from '../support/vendor-times.ts';

const piece = z.object({
  text: z.string(),
  start: z.number().nullish(),
  end: z.number().nullish(),
  /** `word`, `spacing` (the blank between two words) or `audio_event`. */
  type: z.string(),
  logprob: z.number().nullish(),
});

/** The reply of `POST /v1/speech-to-text`, as far as it is read. Times are seconds, languages ISO-639-3. */
export const speechToTextSchema = z.object({
  language_code: z.string().nullish(),
  text: z.string(),
  words: z.array(piece).nullish(),
  audio_duration_secs: z.number().nullish(),
});

export type SpeechToText = z.output<typeof speechToTextSchema>;

/** The reply as a transcript; segments are made of the words, which are punctuated. */
export function toTranscript(reply: SpeechToText, ask: ProviderAsk, knownLanguage: string | null): Transcript {
  const { durationMs } = ask.audio.probe;
  const text = reply.text.trim();
  const language = text === '' ? null : (languageCodeOf(reply.language_code) ?? knownLanguage);
  const spans = (reply.words ?? [])
    .filter((one) => one.type === 'word')
    .map(
      (one): VendorSpan => ({
        text: one.text,
        startMs: msOfSeconds(one.start),
        endMs: msOfSeconds(one.end),
        confidence: probabilityOfLog(one.logprob),
      }),
    );
  const timed = spans.every((one) => one.startMs !== null) && (spans.length > 0 || text === '');
  const transcript = assembleTranscript({
    text,
    language,
    durationMs,
    segments: timed ? [] : [{ text, startMs: 0, endMs: durationMs, language }],
    words: timed ? spans : null,
    tokens: ask.wantLogprobs ? tokensOf(reply) : null,
  });
  return {
    ...transcript,
    words: ask.wantWords ? transcript.words : null,
    unheard: unheardTail(msOfSeconds(reply.audio_duration_secs), durationMs),
  };
}

/** Words and the blanks between them as tokens; null unless all have a log-probability and they make up the text. */
function tokensOf({ text, words }: SpeechToText): TokenLogprob[] | null {
  const tokens: TokenLogprob[] = [];
  for (const { text: token, logprob } of words ?? []) {
    if (logprob === null || logprob === undefined || !Number.isFinite(logprob)) return null;
    tokens.push({ token, logprob: Math.min(0, logprob), bytes: [...Buffer.from(token)] });
  }
  const whole = tokens.map((one) => one.token).join('');
  return whole.trim() === text.trim() ? tokens : null;
}
