/**
 * The embedded engine (VAD, recognition, second tries, text only and with word times) against bare sherpa-onnx on the
 * same clips, same model files, one thread each, in turn within one run. Prints seconds of processor time for each second
 * of sound and the ratio of throughputs; and the word error rates of both.
 *
 *     npm run bench:engine
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { openBareSherpa } from './support/bare-sherpa.ts';
import { folderOf, MODEL, needSharedAudio, openBenchEngine, sharedAudio } from './support/bench-engine.ts';
import { machineLine, median } from './support/statistics.ts';

interface Clip {
  readonly file: string;
  readonly category: string;
  readonly duration_s: number;
}

/** Loops over all clips for each engine; the ratio is taken pair by pair, so that a slower hour of the machine cancels. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);

needSharedAudio();
const manifest = JSON.parse(readFileSync(`${sharedAudio}manifest.json`, 'utf8')) as { clips: Clip[] };
const clips = manifest.clips.filter((clip) => clip.category === 'english-read' && clip.duration_s <= 25);
const bench = await openBenchEngine(1);
const workerPid = bench.engine.status().pids[0];
const { signal } = new AbortController();

const recordings: { pcm: Float32Array; durationMs: number }[] = [];
for (const clip of clips) {
  const audio = await bench.open(join(sharedAudio, clip.file));
  const chunks: Float32Array[] = [];
  for await (const chunk of audio.pcm(signal)) chunks.push(chunk);
  const pcm = Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
  recordings.push({ pcm, durationMs: audio.probe.durationMs });
}
const audioS = recordings.reduce((sum, one) => sum + one.pcm.length / 16_000, 0);

const bare = openBareSherpa(folderOf(bench.store));
const rounds: { ours: number; timed: number; bare: number }[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const ours = await oursCpuS(false);
  const bareCost = bareCpuS();
  const timed = await oursCpuS(true);
  // The first round warms both up.
  if (round > 0) rounds.push({ ours, timed, bare: bareCost });
}
await bench.close();

const perSecond = (pick: (one: (typeof rounds)[number]) => number) => median(rounds.map(pick)) / audioS;
console.log(machineLine(os));
console.log(`${clips.length} clips of read English, ${audioS.toFixed(0)} s, ${ROUNDS} rounds, one thread each`);
console.log('                                   CPU s per s of sound   × real time   throughput / bare');
line('bare sherpa-onnx', (one) => one.bare);
line('fluxscribe, text', (one) => one.ours);
line('fluxscribe, text and word times', (one) => one.timed);

function line(name: string, pick: (one: (typeof rounds)[number]) => number): void {
  const cost = perSecond(pick);
  const ratio = median(rounds.map((one) => one.bare / pick(one)));
  console.log(
    `${name.padEnd(34)}${cost.toFixed(4).padStart(12)}${(1 / cost).toFixed(1).padStart(20)}${ratio.toFixed(2).padStart(16)}`,
  );
}

/** Processor seconds of the engine process over all clips; the wire and the wait for a turn are in it. */
async function oursCpuS(wantTimes: boolean): Promise<number> {
  const before = cpuSecondsOf(workerPid);
  for (const { pcm, durationMs } of recordings) {
    async function* sound() {
      yield pcm;
    }
    const ask = {
      modelId: MODEL,
      pcm: sound(),
      durationMs,
      wantTimes,
      task: 'transcribe',
      language: 'en',
      signal,
    } as const;
    for await (const _ of bench.engine.hear(ask)) {
      // Only the cost is of interest here.
    }
  }
  return cpuSecondsOf(workerPid) - before;
}

function bareCpuS(): number {
  const before = process.cpuUsage();
  for (const { pcm } of recordings) bare.recognise(pcm);
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

/** User and system time of a process, from /proc (Linux): fields 14 and 15 in ticks of 10 ms. */
function cpuSecondsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
