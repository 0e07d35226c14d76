import { toLanguageCode } from '../../core/language.ts';

/** Seconds as whole milliseconds; null for anything that is no time. */
export function msOfSeconds(seconds: number | null | undefined): number | null {
  return seconds === null || seconds === undefined || !Number.isFinite(seconds) ? null : Math.round(seconds * 1000);
}

/** A vendor's language (code, locale, ISO-639-3, English name) as our code; null for nothing and for nonsense. */
export function languageCodeOf(spelling: string | null | undefined): string | null {
  return spelling ? toLanguageCode(spelling) : null;
}

/** A log-probability as a probability in 0..1; null for what is none. */
export function probabilityOfLog(logprob: number | null | undefined): number | null {
  return logprob === null || logprob === undefined || Number.isNaN(logprob) ? null : Math.min(1, Math.exp(logprob));
}
