/**
 * How exact our word times are: the known text of each clip with exact boundaries is aligned to its sound, and starts and
 * ends are compared. First words and words after a silence are shown by themselves: medians hide what fails there.
 *
 *     npm run bench:align
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { MODEL, needSharedAudio, openBenchEngine, sharedAudio } from './support/bench-engine.ts';
import { machineLine, median, quantile } from './support/statistics.ts';

interface AlignedClip {
  readonly file: string;
  readonly kind: string;
  readonly duration_s: number;
  readonly text: string;
  readonly words: readonly { readonly word: string; readonly start_s: number; readonly end_s: number }[];
}

/** A silence in front of a word that is longer than this makes it a word after a silence. */
const SILENCE_S = 0.2;

needSharedAudio();
const { clips } = JSON.parse(readFileSync(`${sharedAudio}aligned/aligned.json`, 'utf8')) as { clips: AlignedClip[] };
const bench = await openBenchEngine(1);

const starts: number[] = [];
const ends: number[] = [];
const firsts: number[] = [];
const afterSilence: number[] = [];
const halves: [number[], number[]] = [[], []];
let cpuMs = 0;
for (const [index, clip] of clips.entries()) {
  const audio = await bench.open(`${sharedAudio}aligned/${clip.file}`);
  const { signal } = new AbortController();
  const before = performance.now();
  const words = await bench.engine.align({
    modelId: MODEL,
    openPcm: () => audio.pcm(signal),
    durationMs: audio.probe.durationMs,
    words: clip.text.split(/\s+/),
    language: null,
    signal,
  });
  cpuMs += performance.now() - before;
  clip.words.forEach((truth, place) => {
    const word = words[place];
    if (word?.startMs == null || word.endMs == null) throw new Error(`${clip.file}: word ${place} has no times`);
    const start = word.startMs - truth.start_s * 1000;
    starts.push(start);
    ends.push(word.endMs - truth.end_s * 1000);
    halves[index % 2 === 0 ? 0 : 1].push(start);
    const silence = truth.start_s - (clip.words[place - 1]?.end_s ?? 0);
    if (place === 0) firsts.push(start);
    else if (silence > SILENCE_S) afterSilence.push(start);
  });
}
await bench.close();

const audioS = clips.reduce((sum, clip) => sum + clip.duration_s, 0);
console.log(`${machineLine(os)}`);
console.log(`${clips.length} clips, ${audioS.toFixed(0)} s, ${starts.length} words; errors in ms`);
console.log('                      n   median     p90     max    bias');
row('starts', starts);
row('ends', ends);
row('first words', firsts);
row('after a silence', afterSilence);
row('starts, even clips', halves[0]);
row('starts, odd clips', halves[1]);
console.log(`alignment with encoding: ${((audioS * 1000) / cpuMs).toFixed(0)} × real time on one process`);

function row(name: string, errors: readonly number[]): void {
  const sizes = errors.map(Math.abs);
  const cell = (value: number) => value.toFixed(0).padStart(8);
  const figures = [median(sizes), quantile(sizes, 0.9), Math.max(...sizes), median(errors)].map(cell).join('');
  console.log(`${name.padEnd(18)}${String(errors.length).padStart(5)}${figures}`);
}
