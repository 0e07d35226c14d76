import type { BlockWeights } from '../../src/engine/duo/block-choice.ts';
import { type EscalationLimits, isSureAlone } from '../../src/engine/duo/is-sure-alone.ts';
import type { GuardLimits } from '../../src/engine/duo/trusted-alone.ts';
import { type ConfidenceWeights, englishConfidence } from './alone-confidence.ts';
import { expectedCalibrationError } from './calibration-error.ts';
import { aloneWords, combinedWords, fitConfidence, withConfidence } from './duo-confidence.ts';
import { type ChoiceConstants, combinedText, errorsOf, fitWeights, wordsOf } from './duo-methods.ts';
import type { Observation } from './duo-observation.ts';
import { wordErrorRate } from './word-error-rate.ts';

/** All that training writes down. */
export interface DuoConstants extends ChoiceConstants {
  /** When the English model is trusted alone. */
  readonly escalation: EscalationLimits;
}

/**
 * Weights of the prototype, fitted on 368 utterances of the same test set; what is learnt here is drawn towards them. It
 * did not know the two of sureness: the middle of the range in which they gain on both folds.
 */
const PRIOR: BlockWeights = {
  generalGain: 0.385,
  englishGain: 0.351,
  moreWords: -0.043,
  generalEmpty: 1.137,
  englishEmpty: -1.305,
  rarer: 0.873,
  surerWords: 0.25,
  surerText: 0.2,
  bias: -0.299,
};

/**
 * How strongly the weights are drawn to the prior ones, counted like examples of unit size; there are some 300 that say
 * anything. Where weaker ones gain nothing crosswise, the strong one is right: the prior ones were fitted on more clips.
 */
const STRENGTHS = [10, 30, 100, 300] as const;
const STRENGTH = 300;
const LEADS = [-0.2, -0.15, -0.1, -0.07, -0.05, 0] as const;

/**
 * Share of the cost of `accurate` that `auto` may have by these figures. The goal is two thirds; what both pay alike (the
 * detector of speech, word times) is not in them.
 */
const AUTO_COST_SHARE = 0.665;

/** What each choice of strength and guard is worth when it is fitted on one fold and counted on the other. */
export function printCrossed(clips: readonly Observation[], before: DuoConstants): void {
  const real = (clip: Observation) => !clip.category.startsWith('made');
  console.log(
    '\nfitted on one fold, counted on the other: word error rate of the combined text, real clips and all, %',
  );
  const folds = (['fold-0', 'fold-1'] as const).map((part) => {
    const others = clips.filter((clip) => clip.part !== part);
    return { own: clips.filter((clip) => clip.part === part), others, alone: aloneConfidence(others) };
  });
  for (const leastLead of LEADS) {
    const guards = { ...before.guards, leastLead };
    for (const strength of [...STRENGTHS, Number.POSITIVE_INFINITY]) {
      const scores = folds.flatMap(({ own, others, alone }) => {
        const guarding = { guards, confidence: alone };
        const weights = Number.isFinite(strength) ? fitWeights(others, guarding, PRIOR, strength) : PRIOR;
        return own.map((clip) => ({ clip, errors: errorsOf(clip, combinedText(clip, { ...guarding, weights })) }));
      });
      const rate = (keep: (clip: Observation) => boolean) =>
        wordErrorRate(scores.filter(({ clip }) => keep(clip)).map(({ errors }) => errors)).toFixed(2);
      console.log(
        `  guard ${leastLead.toFixed(2).padStart(5)}  strength ${String(strength).padStart(8)}   ${rate(real)}  ${rate(() => true)}`,
      );
    }
  }
  const judged = folds.map(({ own, others }) => {
    const choice = fitChoice(others, before.guards);
    return [
      own.flatMap((clip) => withConfidence(aloneWords(clip, 'english'), choice.confidence)),
      own.flatMap((clip) => withConfidence(aloneWords(clip, 'general'), choice.confidence)),
      own.flatMap((clip) => withConfidence(combinedWords(clip, choice), choice.confidence)),
    ];
  });
  const errors = [0, 1, 2].map((kind) => expectedCalibrationError(judged.flatMap((fold) => fold[kind] ?? [])));
  console.log(
    `expected calibration error, crosswise: English ${errors[0]?.toFixed(4)}, general ${errors[1]?.toFixed(4)}, both ${errors[2]?.toFixed(4)}`,
  );
}

/**
 * The constants from all given clips. The guard's limit is chosen by hand from `printCrossed` and kept, and so is what
 * `escalation` prints of flat sound.
 */
export function fitDuo(clips: readonly Observation[], before: DuoConstants): DuoConstants {
  const choice = fitChoice(clips, before.guards);
  return { ...choice, escalation: escalation(clips, choice, before.escalation) };
}

function fitChoice(clips: readonly Observation[], guards: GuardLimits): ChoiceConstants {
  const alone = aloneConfidence(clips);
  const weights = fitWeights(clips, { guards, confidence: alone }, PRIOR, STRENGTH);
  const combined = clips.flatMap((clip) => combinedWords(clip, { guards, weights, confidence: alone }));
  const confidence = {
    ...alone,
    agreed: fitConfidence(combined, 'agreed'),
    chosen: fitConfidence(combined, 'chosen'),
  };
  return { guards, weights, confidence };
}

/** Of single models' words only: the guard needs these, and what follows the guard the others. */
function aloneConfidence(clips: readonly Observation[]): ConfidenceWeights {
  const examples = clips.flatMap((clip) => [...aloneWords(clip, 'english'), ...aloneWords(clip, 'general')]);
  return {
    moonshine: fitConfidence(examples, 'moonshine'),
    whisper: fitConfidence(examples, 'whisper'),
    agreed: [],
    chosen: [],
  };
}

/** Whether `auto` has both models hear a clip. */
export function isEscalated(clip: Observation, confidence: ConfidenceWeights, limits: EscalationLimits): boolean {
  return !isSureAlone(englishConfidence(clip, confidence.moonshine), () => clip.highBandRangeDb, limits);
}

/**
 * The highest confidence at which the real clips still cost `auto` no more than its share; printed with its neighbours: the
 * share, and by how much `auto` is worse than always asking both. First with the limits of flat sound that were kept, then
 * with others.
 */
function escalation(
  clips: readonly Observation[],
  choice: ChoiceConstants,
  before: EscalationLimits,
): EscalationLimits {
  const real = clips.filter((clip) => !clip.category.startsWith('made'));
  const { confidence } = choice;
  const errors = new Map(
    clips.map((clip) => [
      clip,
      { alone: errorsOf(clip, wordsOf(clip.english)), both: errorsOf(clip, combinedText(clip, choice)) },
    ]),
  );
  const shareOf = (limits: EscalationLimits) => {
    const cost = (both: (clip: Observation) => boolean) =>
      real.reduce((sum, clip) => {
        const { englishEncode, englishWrite, generalEncode, generalWrite, evidence } = clip.cpuS;
        return sum + englishEncode + englishWrite + (both(clip) ? generalEncode + generalWrite + evidence : 0);
      }, 0);
    return cost((clip) => isEscalated(clip, confidence, limits)) / cost(() => true);
  };
  const lossOf = (limits: EscalationLimits, category: string) => {
    const own = clips.filter((clip) => (category === 'real' ? real.includes(clip) : clip.category === category));
    const rate = (both: (clip: Observation) => boolean) =>
      wordErrorRate(own.map((clip) => errors.get(clip)![both(clip) ? 'both' : 'alone']));
    return rate((clip) => isEscalated(clip, confidence, limits)) - rate(() => true);
  };
  const print = (limits: EscalationLimits) => {
    const losses = ['real', 'long', 'made-noisy', 'made-telephone'].map((one) => lossOf(limits, one).toFixed(2));
    const { leastConfidence, leastFlatConfidence, flatBelowDb } = limits;
    console.log(
      `  ${leastConfidence.toFixed(3)}  ${leastFlatConfidence.toFixed(3)} under ${flatBelowDb} dB  ${shareOf(limits).toFixed(3)}   ${losses.join('  ')}`,
    );
  };
  console.log('\ntrusted alone from, of flat sound from: share of the cost; points lost: real, long, noisy, telephone');
  let chosen = 0;
  for (let limit = 0.9; limit < 0.975; limit += 0.005) {
    const limits = { ...before, leastConfidence: Math.round(limit * 1000) / 1000 };
    print(limits);
    if (shareOf(limits) <= AUTO_COST_SHARE) chosen = limits.leastConfidence;
  }
  console.log('  of flat sound:');
  const kept = { ...before, leastConfidence: chosen };
  for (const leastFlatConfidence of [chosen, 0.965, 0.97, 0.975, 0.98]) print({ ...kept, leastFlatConfidence });
  for (const flatBelowDb of [18, 20, 24, 26]) print({ ...kept, flatBelowDb });
  return kept;
}
