/**
 * How right, how fast and how large every installed model and alias is, on the speech test set: word error rate for each
 * category (by character for Chinese, Japanese and Korean), times real time on one thread, peak memory of the engine
 * process, how well word confidence is calibrated, and the share of the audio that only the quick model heard.
 *
 *     npm run bench:accuracy -- [--quick] [--models flux-voice,local/whisper-base]
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { silentLog } from '../src/core/log.ts';
import { createEngine } from '../src/engine/engine.ts';
import type { HeardWindow } from '../src/engine/recording-ask.ts';
import { type AccuracyClip, accuracyClips } from './support/accuracy-clips.ts';
import { needSharedAudio } from './support/bench-engine.ts';
import { type InstalledName, installedNames } from './support/bench-models.ts';
import { expectedCalibrationError, type JudgedWord, judgedWords } from './support/calibration-error.ts';
import { closeSounds } from './support/duo-clips.ts';
import { machineLine } from './support/statistics.ts';
import { textErrors } from './support/text-errors.ts';
import { type WordErrors, wordErrorRate, wordErrorsButForSpaces } from './support/word-error-rate.ts';

interface Score {
  readonly errors: Map<string, WordErrors[]>;
  /** The same, with words that are only written together or apart counted as right; English alone. */
  readonly errorsButForSpaces: Map<string, WordErrors[]>;
  readonly judged: JudgedWord[];
  wordsInSilence: number;
  languagesRight: number;
  languages: number;
  audioS: number;
  cheapS: number;
  englishS: number;
  cpuS: number;
  peakBytes: number;
}

needSharedAudio();
const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, models: { type: 'string' } } });
const names = await installedNames(values.models?.split(',') ?? null);
const clips = await accuracyClips(values.quick);
const categories = [...new Set(clips.filter((one) => one.reference).map((one) => one.category))];
console.log(`${machineLine(os)}, one engine process of one thread; ${clips.length} clips`);
console.log(
  'WER in percent, by category; x: times real time in processor seconds; peak: MB of the engine process; ECE: of word',
);
console.log(
  'confidence, English; cheap: share of the English audio that only the quick model heard; lang: identified rightly.',
);
console.log('Second lines count words that are only written together or apart ("every one", "everyone") as right.');
console.log(
  [
    'model'.padEnd(26),
    ...categories.map((one) => one.padStart(15)),
    '     x',
    '  peak',
    '   ECE',
    ' cheap',
    '   lang',
    'invented',
  ].join(' '),
);
for (const name of names) {
  const score = await scoreOf(name);
  console.log(
    [
      name.name.padEnd(26),
      ...cells(score.errors),
      (score.audioS / score.cpuS).toFixed(1).padStart(6),
      (score.peakBytes / 1e6).toFixed(0).padStart(6),
      expectedCalibrationError(score.judged).toFixed(3).padStart(6),
      `${((100 * score.cheapS) / score.englishS).toFixed(0)} %`.padStart(6),
      `${score.languagesRight}/${score.languages}`.padStart(7),
      String(score.wordsInSilence).padStart(8),
    ].join(' '),
  );
  console.log(['  but for spaces'.padEnd(26), ...cells(score.errorsButForSpaces)].join(' ').trimEnd());
}
await closeSounds();

/** Hears every clip that the name can hear, with no language named. */
async function scoreOf({ engineId, models, languages }: InstalledName): Promise<Score> {
  const score: Score = {
    errors: new Map(),
    errorsButForSpaces: new Map(),
    judged: [],
    wordsInSilence: 0,
    languagesRight: 0,
    languages: 0,
    audioS: 0,
    cheapS: 0,
    englishS: 0,
    cpuS: 0,
    peakBytes: 0,
  };
  const engine = createEngine({
    models,
    workers: 1,
    threadsPerWorker: 1,
    maxRecordings: 1,
    recycleResidentBytes: 2 ** 40,
    jobTimeoutMs: 600_000,
    log: silentLog,
  });
  await engine.ready();
  const [pid] = engine.status().pids;
  const hearable = clips.filter((one) => one.language === null || languages.includes(one.language));
  for (const clip of hearable) {
    const pcm = await clip.pcm();
    const before = cpuSecondsOf(pid);
    const windows: HeardWindow[] = [];
    const recording = {
      modelId: engineId,
      pcm: once(pcm),
      durationMs: pcm.length / 16,
      wantTimes: false,
      task: 'transcribe',
      language: languages.length === 1 ? languages[0]! : null,
      signal: new AbortController().signal,
    } as const;
    for await (const window of engine.hear(recording)) windows.push(window);
    score.cpuS += cpuSecondsOf(pid) - before;
    score.audioS += pcm.length / 16_000;
    add(score, clip, windows, pcm.length / 16_000);
  }
  score.peakBytes = peakBytesOf(pid);
  await engine.close();
  return score;
}

function add(score: Score, clip: AccuracyClip, windows: readonly HeardWindow[], seconds: number): void {
  const words = windows.flatMap((one) => one.words);
  if (clip.language === null) {
    score.wordsInSilence += words.length;
    return;
  }
  score.languages++;
  if (windows.find((one) => one.language)?.language === clip.language) score.languagesRight++;
  if (clip.language === 'en') {
    score.englishS += seconds;
    for (const window of windows) {
      if (window.heardBy.length < 2) score.cheapS += (window.endMs - window.startMs) / 1000;
    }
  }
  if (!clip.reference) return;
  const text = words.map((word, index) => (index === 0 || word.glued ? word.text : ` ${word.text}`)).join('');
  note(score.errors, clip.category, textErrors(clip.language, clip.reference, text));
  if (clip.language !== 'en') return;
  note(score.errorsButForSpaces, clip.category, wordErrorsButForSpaces(clip.reference, text));
  score.judged.push(...judgedWords(clip.reference, words));
}

function note(errors: Map<string, WordErrors[]>, category: string, one: WordErrors): void {
  const list = errors.get(category) ?? [];
  list.push(one);
  errors.set(category, list);
}

function cells(errors: Map<string, WordErrors[]>): string[] {
  return categories
    .map((category) => wordErrorRate(errors.get(category) ?? []))
    .map((rate) => (Number.isNaN(rate) ? '' : rate.toFixed(2)).padStart(15));
}

async function* once(pcm: Float32Array): AsyncGenerator<Float32Array> {
  yield pcm;
}

function cpuSecondsOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Linux counts in hundredths of a second for user programs.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function peakBytesOf(pid: number | undefined): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(peak?.[1] ?? Number.NaN) * 1024;
}
