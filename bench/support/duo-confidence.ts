import { agreedFeatures, aloneFeatures, chosenFeatures } from '../../src/engine/confidence/word-features.ts';
import { type ConfidenceKind, type ConfidenceWeights, confidenceOf, signsOf } from './alone-confidence.ts';
import { type JudgedWord, judgedWords } from './calibration-error.ts';
import { aloneIn, type ChoiceConstants, choiceLogOdds } from './duo-methods.ts';
import type { Observation } from './duo-observation.ts';
import { fitLogistic } from './logistic-fit.ts';

/** A written word with what its confidence is told from, and whether it is right. */
export interface WordExample {
  readonly kind: ConfidenceKind;
  readonly features: readonly number[];
  readonly right: boolean;
  /** Made noisy or made like a call. */
  readonly isMade: boolean;
}

interface Written {
  readonly text: string;
  readonly kind: ConfidenceKind;
  readonly features: readonly number[];
}

/** The words that one model wrote by itself. */
export function aloneWords(clip: Observation, side: 'english' | 'general'): WordExample[] {
  return judged(clip, writtenAlone(clip, side));
}

/** The words of the combined text; where one model is trusted alone, its words. */
export function combinedWords(clip: Observation, constants: ChoiceConstants): WordExample[] {
  const alone = aloneIn(clip, constants);
  if (alone) return judged(clip, writtenAlone(clip, alone));
  const { english, general } = clip;
  const [englishSigns, generalSigns] = [signsOf(english), signsOf(general)];
  const bothMeanLogprob = ((englishSigns[0]?.meanLogprob ?? 0) + (generalSigns[0]?.meanLogprob ?? 0)) / 2;
  const written: Written[] = [];
  const odds = choiceLogOdds(clip, constants);
  let question = 0;
  for (const block of clip.blocks) {
    const ofGeneral = general.words.slice(block.leftFrom, block.leftTo);
    const ofEnglish = english.words.slice(block.rightFrom, block.rightTo);
    if (block.agreed) {
      ofGeneral.forEach((word, index) => {
        const [left, right] = [generalSigns[block.leftFrom + index]!, englishSigns[block.rightFrom + index]!];
        written.push({ text: word.text, kind: 'agreed', features: agreedFeatures(left, right) });
      });
      continue;
    }
    const logOdds = odds[question++] ?? 0;
    const byEnglish = logOdds > 0;
    const [chosen, other] = byEnglish ? [ofEnglish, ofGeneral] : [ofGeneral, ofEnglish];
    const choice = { logOdds, byEnglish, otherEmpty: other.length === 0, words: chosen.length, bothMeanLogprob };
    chosen.forEach((word, index) => {
      const signs = byEnglish ? englishSigns[block.rightFrom + index]! : generalSigns[block.leftFrom + index]!;
      written.push({ text: word.text, kind: 'chosen', features: chosenFeatures(choice, signs) });
    });
  }
  return judged(clip, written);
}

/** Weights for one kind; made sound counts half, there is enough of it. */
export function fitConfidence(examples: readonly WordExample[], kind: ConfidenceKind): readonly number[] {
  const own = examples.filter((one) => one.kind === kind);
  const size = own[0]?.features.length ?? 0;
  const rows = own.map((one) => ({ features: one.features, yes: one.right, weight: one.isMade ? 0.5 : 1 }));
  return fitLogistic(rows, new Array<number>(size + 1).fill(0), 3).map((one) => Math.round(one * 1000) / 1000);
}

export function withConfidence(examples: readonly WordExample[], weights: ConfidenceWeights): JudgedWord[] {
  return examples.map((one) => ({ confidence: confidenceOf(one.features, weights[one.kind]), right: one.right }));
}

function writtenAlone(clip: Observation, side: 'english' | 'general'): Written[] {
  const kind = side === 'english' ? 'moonshine' : 'whisper';
  const signs = signsOf(clip[side]);
  return clip[side].words.map(({ text }, index) => ({ text, kind, features: aloneFeatures(signs[index]!) }));
}

function judged(clip: Observation, written: readonly Written[]): WordExample[] {
  const isMade = clip.category.startsWith('made');
  // The judge leaves out words that normalise to nothing: the place of each goes through as its confidence.
  return judgedWords(
    clip.reference,
    written.map((word, index) => ({ text: word.text, confidence: index })),
  ).flatMap(({ confidence, right }) => {
    const word = written[confidence];
    return word ? [{ kind: word.kind, features: word.features, right, isMade }] : [];
  });
}
