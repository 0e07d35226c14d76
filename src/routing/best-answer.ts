import type { ProviderAnswer } from '../providers/contract.ts';
import type { AnswerFault } from './answer-judge.ts';

/** An answer that was not good enough while others could still be asked. */
export interface DoubtfulAnswer {
  readonly answer: ProviderAnswer;
  /** null: nothing is wrong with it, its model was only not sure. `incomplete`: pieces of the recording are missing. */
  readonly fault: AnswerFault | 'incomplete' | null;
}

/** From what is likely most of what was said to what is surely none of it. */
const faultOrder: readonly DoubtfulAnswer['fault'][] = [
  null,
  'incomplete',
  'too-short',
  'wrong-language',
  'unspoken',
  'loop',
  'empty',
];

/**
 * The answer to give where nobody had a better one: the least wrong, of these the longest, of these the first. Where all
 * say the same, that is it. null: there is none.
 */
export function bestAnswer<Answer extends DoubtfulAnswer>(answers: readonly Answer[]): Answer | null {
  const [best = null] = answers.toSorted(
    (a, b) =>
      faultOrder.indexOf(a.fault) - faultOrder.indexOf(b.fault) ||
      b.answer.transcript.text.length - a.answer.transcript.text.length,
  );
  return best;
}

/** Whether several answers say the same but for case, accents on paper, punctuation and spaces. */
export function saySame(answers: readonly DoubtfulAnswer[]): boolean {
  return answers.length > 1 && new Set(answers.map(({ answer }) => normalised(answer.transcript.text))).size === 1;
}

function normalised(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '');
}
