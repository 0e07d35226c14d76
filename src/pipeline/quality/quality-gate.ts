import type { SpeechFinder, SpeechSpan } from '../../audio/audio.ts';
import { toGatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { longestRun, loopRatio } from '../../core/looped-text.ts';
import type { ProviderAnswer, ProviderAsk } from '../../providers/contract.ts';
import type { AnswerFault, AnswerJudge, Judgement } from '../../routing/answer-judge.ts';
import { type AnswerSigns, answerSigns } from './answer-doubts.ts';
import type { SpokenLength } from './spoken-length.ts';
import { CUT_OFF_FROM_MS, lengthOf, SPOKEN_FROM_MS, speechAfter } from './unheard-speech.ts';

/** Speech below which a short text proves nothing: a drawn-out "Hm, yes." is right. */
const SHORT_TEXT_FROM_MS = 2_000;
/** A loop without equal phrases is believed up to this ratio: people count, and sing songs with a refrain. */
const BELIEVABLE_RATIO = 3.2;
/** A run of at least this share of the text is why the text compresses so well. */
const RUN_EXPLAINS_SHARE = 0.5;
/** One word repeated takes a speaker at least so long, "no no no no" included. */
const REPEATED_WORD_MS = 150;

/** How often people are believed to repeat a phrase of one, two, or more words without anything between. */
function believableTimes(phraseWords: number): number {
  if (phraseWords === 1) return 24;
  return phraseWords === 2 ? 8 : 6;
}

/**
 * Judges answers in two steps. Text, times and the probed length are looked at always; the sound is decoded and searched for
 * speech only where they leave a doubt. A doubt that the sound cannot settle, because it cannot be read here or the engine
 * is full, is dropped: the gate fails no answer that it could not check.
 */
export function createQualityGate(parts: { readonly speech: SpeechFinder; readonly log: Log }): AnswerJudge {
  const listen = async (ask: ProviderAsk, signal: AbortSignal): Promise<readonly SpeechSpan[] | null> => {
    try {
      return await parts.speech.find(ask.audio, signal);
    } catch (thrown) {
      if (signal.aborted) throw toGatewayError(thrown);
      parts.log.warn({ code: toGatewayError(thrown).code }, 'a suspicious answer could not be checked');
      return null;
    }
  };
  return {
    async judge(answer: ProviderAnswer, ask: ProviderAsk, signal: AbortSignal): Promise<Judgement> {
      const { transcript } = answer;
      const signs = answerSigns(transcript, ask, ask.audio.probe.durationMs);
      const { characterCount } = signs.length;
      const judged = (fault: AnswerFault | null, speechMs: number | null) => ({ fault, speechMs, characterCount });
      if (signs.doubts.length === 0) return judged(null, null);
      if (signs.doubts.includes('other-language')) return judged('wrong-language', null);
      // Who listened here already has said where speech stayed without text.
      const unheardMs = lengthOf(transcript.unheard);
      if (characterCount === 0 && unheardMs >= SPOKEN_FROM_MS) return judged('empty', unheardMs);
      const spans = await listen(ask, signal);
      return spans === null ? judged(null, null) : judged(faultOver(spans, transcript.text, signs), lengthOf(spans));
    },
  };
}

/** What is wrong with a suspicious text over the speech that was found; null: the sound clears it. */
function faultOver(spans: readonly SpeechSpan[], text: string, signs: AnswerSigns): AnswerFault | null {
  const { length, doubts, openFromMs } = signs;
  const speechMs = lengthOf(spans);
  const isSpoken = speechMs >= SPOKEN_FROM_MS;
  if (length.characterCount === 0) return isSpoken ? 'empty' : null;
  // Text that cannot be said in the little speech that there is: what engines write over silence and music.
  if (!isSpoken && length.quickestMs > speechMs) return 'unspoken';
  if (doubts.includes('loop') && !isBelievableLoop(text, length, speechMs)) return 'loop';
  if (speechMs >= SHORT_TEXT_FROM_MS && length.slowestMs < speechMs) return 'too-short';
  if (openFromMs !== null && lengthOf(speechAfter(spans, openFromMs)) >= CUT_OFF_FROM_MS) return 'too-short';
  return null;
}

/** People do repeat themselves, at the speed of people and not for ever; a decoder that is lost keeps neither. */
function isBelievableLoop(text: string, length: SpokenLength, speechMs: number): boolean {
  if (length.quickestMs > speechMs) return false;
  const { phraseWords, times, share } = longestRun(text);
  if (times * phraseWords * REPEATED_WORD_MS > speechMs || times > believableTimes(phraseWords)) return false;
  // Where one phrase does not explain it, the text goes round with small changes.
  return share >= RUN_EXPLAINS_SHARE || loopRatio(text) <= BELIEVABLE_RATIO;
}
