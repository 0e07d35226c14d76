import type { ProviderAnswer, ProviderAsk } from '../providers/contract.ts';

/** Says from here, without asking anybody, whether an answer can be right. A faulty one counts as a failure. */
export interface AnswerJudge {
  /**
   * Costs nothing for an answer whose text and length look right; only a suspicious one is checked against the sound.
   * Rejects with GatewayError only where the caller left or the sound cannot be read.
   */
  judge(answer: ProviderAnswer, ask: ProviderAsk, signal: AbortSignal): Promise<Judgement>;
}

export interface Judgement {
  /** null: nothing speaks against it. */
  readonly fault: AnswerFault | null;
  /** Detected speech in the recording; null: the sound was not looked at. */
  readonly speechMs: number | null;
  /** Letters and digits in the text. */
  readonly characterCount: number;
}

/**
 * `empty`: no text over speech; `unspoken`: text where nobody speaks; `loop`: the same words again and again; `too-short`:
 * far less text than speech.
 */
export type AnswerFault = 'empty' | 'unspoken' | 'loop' | 'too-short' | 'wrong-language';
