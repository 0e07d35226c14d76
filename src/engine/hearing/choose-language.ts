import type { LanguageGuess } from '../speech-model.ts';

/** Another language than the recording's takes over only when it is this likely and the other one this unlikely. */
const CLEARLY_LIKELY = 0.8;
const CLEARLY_UNLIKELY = 0.1;
/** A word or two say too little of the language: less speech than this never changes it. */
const SWITCH_SPEECH_MS = 1_000;

/**
 * The language of a window out of the model's guesses (likeliest first, at least one) and what the recording spoke before
 * it. The probability is that of the language chosen.
 */
export function chooseLanguage(
  guesses: readonly LanguageGuess[],
  hint: string | null,
  speechMs: number,
): LanguageGuess {
  const best = guesses[0];
  if (!best) throw new Error('the model knows no language');
  const hinted = guesses.find((one) => one.language === hint);
  if (!hinted || hinted.language === best.language) return best;
  const isClear = best.probability > CLEARLY_LIKELY && hinted.probability < CLEARLY_UNLIKELY;
  return isClear && speechMs >= SWITCH_SPEECH_MS ? best : hinted;
}
