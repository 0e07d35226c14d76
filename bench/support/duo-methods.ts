import {
  type BlockEvidence,
  type BlockWeights,
  blockLogOdds,
  GAIN_LIMIT,
  RARER_LIMIT,
} from '../../src/engine/duo/block-choice.ts';
import { type BlockSureness, blockSureness } from '../../src/engine/duo/block-sureness.ts';
import { type GuardLimits, trustedAlone } from '../../src/engine/duo/trusted-alone.ts';
import { mixedWords } from '../../src/engine/duo/word-blocks.ts';
import { type ConfidenceWeights, confidencesOf } from './alone-confidence.ts';
import type { Observation } from './duo-observation.ts';
import { fitLogistic, type LogisticExample } from './logistic-fit.ts';
import { type WordErrors, wordErrorsButForSpaces } from './word-error-rate.ts';

/** Everything that the choice between two texts depends on. */
export interface ChoiceConstants {
  readonly weights: BlockWeights;
  readonly guards: GuardLimits;
  readonly confidence: ConfidenceWeights;
}

type Guarding = Pick<ChoiceConstants, 'guards' | 'confidence'>;

/** The weights in the order of the features. */
export const WEIGHT_NAMES = [
  'generalGain',
  'englishGain',
  'moreWords',
  'generalEmpty',
  'englishEmpty',
  'rarer',
  'surerWords',
  'surerText',
  'bias',
] as const satisfies readonly (keyof BlockWeights)[];

export function wordsOf(text: Observation['english']): string[] {
  return text.words.map((word) => word.text);
}

/** Who is trusted alone, as the engine decides it. */
export function aloneIn(clip: Observation, { guards, confidence }: Guarding): 'english' | 'general' | null {
  const english = { words: wordsOf(clip.english), confidences: confidencesOf(clip.english, confidence.moonshine) };
  const general = { words: wordsOf(clip.general), confidences: confidencesOf(clip.general, confidence.whisper) };
  return trustedAlone(english, general, guards);
}

/** The combined text, as the engine writes it. */
export function combinedText(clip: Observation, constants: ChoiceConstants): string[] {
  const alone = aloneIn(clip, constants);
  if (alone) return wordsOf(clip[alone]);
  return mixed(
    clip,
    choiceLogOdds(clip, constants).map((one) => one > 0),
  );
}

/** Of each differing block, in order: above 0 the English model's words are taken. */
export function choiceLogOdds(clip: Observation, { confidence, weights }: ChoiceConstants): number[] {
  const sureness = surenessIn(clip, confidence);
  return clip.evidence.map((one, place) => blockLogOdds(one, sureness[place]!, weights));
}

function surenessIn({ english, general, blocks }: Observation, confidence: ConfidenceWeights): BlockSureness[] {
  return blockSureness(
    confidencesOf(english, confidence.moonshine),
    confidencesOf(general, confidence.whisper),
    blocks,
  );
}

function mixed(clip: Observation, takeEnglish: readonly boolean[]): string[] {
  return mixedWords(clip.blocks, wordsOf(clip.general), wordsOf(clip.english), takeEnglish, 'left');
}

const scored = new Map<string, WordErrors>();

/** Errors of a text over the clip's reference; each text is scored once. */
export function errorsOf(clip: Observation, words: readonly string[]): WordErrors {
  const text = words.join(' ');
  const key = `${clip.id}\n${text}`;
  const known = scored.get(key);
  if (known) return known;
  const made = wordErrorsButForSpaces(clip.reference, text);
  scored.set(key, made);
  return made;
}

/** What is to be learnt from each differing block that matters: whether the English model's words make fewer errors. */
function blockExamples(clips: readonly Observation[], guarding: Guarding): LogisticExample[] {
  return clips
    .filter((clip) => aloneIn(clip, guarding) === null && clip.evidence.length > 0)
    .flatMap((clip) => {
      const sureness = surenessIn(clip, guarding.confidence);
      return clip.evidence.flatMap((evidence, place): LogisticExample[] => {
        const errors = (english: boolean, others: boolean) =>
          errorsOf(
            clip,
            mixed(
              clip,
              clip.evidence.map((_, index) => (index === place ? english : others)),
            ),
          ).errors;
        // Fewer errors with the English words, in the English and in the general surroundings.
        const gain = (errors(false, true) - errors(true, true) + errors(false, false) - errors(true, false)) / 2;
        return gain === 0
          ? []
          : [
              {
                features: blockFeatures(evidence, sureness[place]!),
                yes: gain > 0,
                weight: Math.min(2, Math.abs(gain)),
              },
            ];
      });
    });
}

function blockFeatures(evidence: BlockEvidence, sureness: BlockSureness): number[] {
  const clip = (value: number, limit: number) => Math.max(-limit, Math.min(limit, value));
  return [
    clip(evidence.generalGain, GAIN_LIMIT),
    clip(evidence.englishGain, GAIN_LIMIT),
    evidence.moreWords,
    Number(evidence.generalEmpty),
    Number(evidence.englishEmpty),
    clip(evidence.rarer, RARER_LIMIT),
    sureness.surerWords,
    sureness.surerText,
  ];
}

/** Weights fitted on clips, drawn towards `prior`. */
export function fitWeights(
  clips: readonly Observation[],
  guarding: Guarding,
  prior: BlockWeights,
  strength: number,
): BlockWeights {
  const start = WEIGHT_NAMES.map((name) => prior[name]);
  const fitted = fitLogistic(blockExamples(clips, guarding), start, strength);
  const of = (name: keyof BlockWeights) => Math.round(1000 * (fitted[WEIGHT_NAMES.indexOf(name)] ?? 0)) / 1000;
  return {
    generalGain: of('generalGain'),
    englishGain: of('englishGain'),
    moreWords: of('moreWords'),
    generalEmpty: of('generalEmpty'),
    englishEmpty: of('englishEmpty'),
    rarer: of('rarer'),
    surerWords: of('surerWords'),
    surerText: of('surerText'),
    bias: of('bias'),
  };
}
