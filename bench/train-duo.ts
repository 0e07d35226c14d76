/**
 * Fits what the choice between two models' words depends on (block weights, guards, when the second model is asked, word
 * confidence) and shows what it is worth. The clips are in three parts by speaker: two folds to fit and choose on, always
 * crosswise, and one that nothing is fitted or chosen on. What the models say is kept on disk; fitting again is quick.
 *
 *     npm run train:duo                       what the constants in the sources are worth on the folds
 *     npm run train:duo -- --write            fit on both folds, write the constants and the reliability curve
 *     npm run train:duo -- --untouched        … and on the untouched part: to be looked at once, at the end
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { confidenceWeights } from '../src/engine/confidence/confidence-weights.ts';
import { blockWeights, escalationLimits, guardLimits } from '../src/engine/duo/duo-constants.ts';
import { Moonshine } from '../src/engine/moonshine/moonshine.ts';
import { Whisper } from '../src/engine/whisper/whisper.ts';
import type { ConfidenceWeights } from './support/alone-confidence.ts';
import { needSharedAudio } from './support/bench-engine.ts';
import { differenceInterval } from './support/bootstrap.ts';
import { expectedCalibrationError } from './support/calibration-error.ts';
import { closeSounds, duoClips } from './support/duo-clips.ts';
import { aloneWords, combinedWords, withConfidence } from './support/duo-confidence.ts';
import { confidenceFile, constantsFile } from './support/duo-files.ts';
import { type DuoConstants, fitDuo, isEscalated, printCrossed } from './support/duo-fit.ts';
import { aloneIn, combinedText, errorsOf, wordsOf } from './support/duo-methods.ts';
import { type Observation, observe, STEPS } from './support/duo-observation.ts';
import { reliabilitySvg } from './support/reliability-svg.ts';
import { machineLine } from './support/statistics.ts';
import { wordErrorRate } from './support/word-error-rate.ts';

const CATEGORIES = ['english-read', 'noisy', 'spontaneous', 'telephone', 'long', 'made-noisy', 'made-telephone'];
const root = fileURLToPath(new URL('..', import.meta.url));

needSharedAudio();
const { values: options } = parseArgs({
  options: {
    moonshine: { type: 'string', default: join(os.homedir(), '.cache/fluxscribe/models/moonshine-tiny') },
    whisper: { type: 'string', default: join(root, '../shared/models/whisper-base') },
    cache: { type: 'string', default: join(os.tmpdir(), 'fluxscribe-duo') },
    write: { type: 'boolean', default: false },
    untouched: { type: 'boolean', default: false },
  },
});

const clips = await observeAll();
const folds = clips.filter((clip) => clip.part !== 'untouched');
console.log(`${machineLine(os)}; ${clips.length} utterances, ${minutesOf(clips)} minutes`);
printCosts();

let constants: DuoConstants = {
  weights: blockWeights,
  guards: guardLimits,
  escalation: escalationLimits,
  confidence: confidenceWeights,
};
if (options.write) {
  printCrossed(folds, constants);
  constants = fitDuo(folds, constants);
  writeFileSync(join(root, 'src/engine/duo/duo-constants.ts'), constantsFile(constants));
  writeFileSync(join(root, 'src/engine/confidence/confidence-weights.ts'), confidenceFile(constants));
}
printTable('the folds, with these constants', folds, constants);
if (options.untouched) {
  const untouched = clips.filter((clip) => clip.part === 'untouched');
  printTable('the untouched part', untouched, constants);
  const drawing = reliabilitySvg(
    'Word confidence on speakers that nothing was fitted on',
    curvesOf(untouched, constants.confidence),
  );
  writeFileSync(join(root, 'docs/decisions/word-confidence.svg'), drawing);
}

async function observeAll(): Promise<readonly Observation[]> {
  let opened: Promise<{ english: Moonshine; general: Whisper }> | null = null;
  const models = () => {
    opened ??= Promise.all([Moonshine.open(options.moonshine, 1), Whisper.open(options.whisper, 1)]).then(
      ([english, general]) => ({ english, general }),
    );
    return opened;
  };
  const observations: Observation[] = [];
  for (const clip of await duoClips()) observations.push(await observe(clip, options.cache, models));
  await closeSounds();
  return observations;
}

function printCosts(): void {
  const seconds = clips.reduce((sum, clip) => sum + clip.durationS, 0);
  console.log('\nprocessor seconds per second of sound, one thread');
  for (const step of STEPS) {
    const cost = clips.reduce((sum, clip) => sum + clip.cpuS[step], 0) / seconds;
    console.log(`  ${step.padEnd(16)}${cost.toFixed(4)}`);
  }
}

function printTable(
  title: string,
  set: readonly Observation[],
  { confidence, escalation, ...choice }: DuoConstants,
): void {
  const asksBoth = (clip: Observation) => isEscalated(clip, confidence, escalation);
  const methods = {
    general: (clip: Observation) => wordsOf(clip.general),
    english: (clip: Observation) => wordsOf(clip.english),
    accurate: (clip: Observation) => combinedText(clip, { ...choice, confidence }),
    auto: (clip: Observation) =>
      asksBoth(clip) ? combinedText(clip, { ...choice, confidence }) : wordsOf(clip.english),
  };
  const scores = (name: keyof typeof methods, some: readonly Observation[]) =>
    some.map((clip) => errorsOf(clip, methods[name](clip)));
  const groups = [...CATEGORIES.map((one) => [one]), CATEGORIES.slice(0, 5), CATEGORIES];
  const names = [...CATEGORIES, 'real', 'all'];
  console.log(`\nword error rate, %: ${title} (${set.length} utterances, ${minutesOf(set)} minutes)`);
  console.log(['', ...names].map((name) => name.padStart(14)).join(' '));
  for (const name of Object.keys(methods) as (keyof typeof methods)[]) {
    const cells = groups.map((group) =>
      wordErrorRate(
        scores(
          name,
          set.filter((clip) => group.includes(clip.category)),
        ),
      ),
    );
    console.log([name, ...cells.map((one) => one.toFixed(2))].map((one) => one.padStart(14)).join(' '));
  }
  const shares = groups.map((group) => {
    const some = set.filter((clip) => group.includes(clip.category));
    return secondsOf(some.filter(asksBoth)) / secondsOf(some);
  });
  console.log(
    ['escalated, %', ...shares.map((one) => (100 * one).toFixed(0))].map((one) => one.padStart(14)).join(' '),
  );
  const real = set.filter((clip) => !clip.category.startsWith('made'));
  for (const other of ['english', 'general'] as const) {
    const [low, high] = differenceInterval(scores('accurate', real), scores(other, real));
    console.log(`accurate less ${other}, real, 95 %: ${low.toFixed(2)} to ${high.toFixed(2)} points`);
  }
  const [accurateS, autoS] = [costOf(set, () => true), costOf(set, asksBoth)];
  console.log(`cost: accurate ${accurateS.toFixed(4)}, auto ${autoS.toFixed(4)} (${(autoS / accurateS).toFixed(2)})`);
  for (const { name, words } of curvesOf(set, confidence)) {
    console.log(`expected calibration error, ${name}: ${expectedCalibrationError(words).toFixed(4)}`);
  }

  /** Processor seconds per second of sound when the clips that `both` names are heard by both. */
  function costOf(some: readonly Observation[], both: (clip: Observation) => boolean): number {
    const cost = some.reduce((sum, { ...clip }) => {
      const { englishEncode, englishWrite, generalEncode, generalWrite, evidence } = clip.cpuS;
      const judged = aloneIn(clip, { ...choice, confidence }) === null ? evidence : 0;
      return sum + englishEncode + englishWrite + (both(clip) ? generalEncode + generalWrite + judged : 0);
    }, 0);
    return cost / secondsOf(some);
  }
}

function curvesOf(set: readonly Observation[], confidence: ConfidenceWeights) {
  return [
    { name: 'Moonshine tiny', words: set.flatMap((clip) => withConfidence(aloneWords(clip, 'english'), confidence)) },
    { name: 'Whisper base', words: set.flatMap((clip) => withConfidence(aloneWords(clip, 'general'), confidence)) },
    { name: 'both', words: set.flatMap((clip) => withConfidence(combinedWords(clip, constants), confidence)) },
  ];
}

function secondsOf(set: readonly Observation[]): number {
  return set.reduce((sum, clip) => sum + clip.durationS, 0);
}

function minutesOf(set: readonly Observation[]): string {
  return (secondsOf(set) / 60).toFixed(1);
}
