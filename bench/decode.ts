/**
 * Reading and decoding of each container, against the bare decoder on the same packets in the same run: what is lost
 * between them is the walk, the mix to mono, the trims and the resampling to 16 kHz. Then the whole way through a decoding
 * process: time to open a short clip with its sound, and an hour of Opus with the process's memory.
 *
 *     npm run bench:decode
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { FileByteSource } from '../src/audio/byte-source.ts';
import { childUsage } from '../src/audio/child-usage.ts';
import { demux } from '../src/audio/containers/demux.ts';
import { createDecoder } from '../src/audio/decoders/create-decoder.ts';
import { createAudioOpener } from '../src/audio/opener.ts';
import { decodePcm } from '../src/audio/pcm-stream.ts';
import { readRecording } from '../src/audio/recording.ts';
import { silentLog } from '../src/core/log.ts';
import { needSharedAudio, sharedAudio } from './support/bench-engine.ts';
import { machineLine, median, quantile } from './support/statistics.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const files = [
  'formats/pcm16-16k.wav',
  'formats/pcm24-44k-stereo.wav',
  'formats/mulaw-8k.wav',
  'formats/cbr64-44k.mp3',
  'formats/layer3-22k.mpga',
  'formats/program-stream.mpeg',
  'formats/flac-24bit-48k-stereo.flac',
  'formats/opus-48k.ogg',
  'formats/vorbis-44k-stereo.ogg',
  'formats/chrome-mediarecorder.webm',
  'formats/chrome-mediarecorder.mp4',
  'formats/aac-44k-moov-last.m4a',
];

needSharedAudio();
console.error = () => {}; // the WebAssembly decoders report there
console.log(machineLine(os));
console.log('\n× real time, median of', ROUNDS, 'rounds\n');
console.log('file'.padEnd(38), 'walk ms'.padStart(8), 'ours'.padStart(8), 'bare'.padStart(8), 'ratio'.padStart(7));
for (const file of files) {
  const ours: number[] = [];
  const bare: number[] = [];
  const walks: number[] = [];
  let durationMs = 0;
  for (let round = -1; round < ROUNDS; round++) {
    // Each goes first every other time: the one behind pays for the other's garbage.
    const before = round % 2 === 0 ? await heardBare(file) : 0;
    const one = await heardByUs(file);
    const other = before || (await heardBare(file));
    durationMs = one.durationMs;
    if (round < 0) continue; // compiled now
    walks.push(one.walkMs);
    ours.push(durationMs / one.totalMs);
    bare.push(durationMs / other);
  }
  const ratio = median(ours.map((value, index) => value / bare[index]!));
  const columns = [median(walks).toFixed(1), median(ours).toFixed(0), median(bare).toFixed(0), ratio.toFixed(2)];
  console.log(file.padEnd(38), columns.map((text, index) => text.padStart(index === 3 ? 7 : 8)).join(' '));
}
await throughProcess();

async function heardByUs(file: string): Promise<{ durationMs: number; walkMs: number; totalMs: number }> {
  const start = performance.now();
  using source = new FileByteSource(`${sharedAudio}${file}`);
  const { probe, plan } = readRecording(source, { maxDurationMs: 36_000_000, maxCpuMs: 60_000 });
  const walkMs = performance.now() - start;
  for await (const _ of decodePcm(source, plan, { fromSample: 0, check() {} }));
  return { durationMs: probe.durationMs, walkMs, totalMs: performance.now() - start };
}

/** The packets through the decoder and nothing else; they are collected before the clock starts. */
async function heardBare(file: string): Promise<number> {
  using source = new FileByteSource(`${sharedAudio}${file}`);
  let totalMs = 0;
  for (const segment of demux(source).segments()) {
    const packets = [...segment.packets()].map((packet) => packet.data.slice());
    const start = performance.now();
    const decoder = await createDecoder(segment.config);
    for (const packet of packets) await decoder.decode(packet);
    decoder.free();
    totalMs += performance.now() - start;
  }
  return totalMs;
}

async function throughProcess(): Promise<void> {
  const opener = createAudioOpener({ workers: 1, maxWorkers: 1, maxOpenRequests: 10, log: silentLog });
  const signal = new AbortController().signal;
  const limits = { maxDurationMs: 36_000_000 };
  const stored = (file: string) => ({ path: `${sharedAudio}${file}`, sizeBytes: 0 });
  console.log('\nthrough a decoding process, open and hear, ms (median, p90)\n');
  for (const file of files) {
    const times: number[] = [];
    for (let round = -2; round < 3 * ROUNDS; round++) {
      const start = performance.now();
      const audio = await opener.open(stored(file), limits, signal);
      for await (const _ of audio.pcm(signal));
      if (round >= 0) times.push(performance.now() - start);
    }
    console.log(file.padEnd(38), median(times).toFixed(1).padStart(8), quantile(times, 0.9).toFixed(1).padStart(8));
  }
  const long = 'long/long-60min.opus';
  const start = performance.now();
  const audio = await opener.open(stored(long), limits, signal);
  const openedMs = performance.now() - start;
  let peakBytes = 0;
  for await (const _ of audio.pcm(signal)) {
    for (const pid of opener.pids) peakBytes = Math.max(peakBytes, childUsage(pid)?.rssBytes ?? 0);
  }
  const heardMs = performance.now() - start - openedMs;
  const size = readFileSync(stored(long).path).length;
  console.log(
    `\n${long} (${(size / 1e6).toFixed(1)} MB): opened in ${openedMs.toFixed(0)} ms,`,
    `heard at ${(audio.probe.durationMs / heardMs).toFixed(0)} × real time,`,
    `the process at most ${(peakBytes / 2 ** 20).toFixed(0)} MB`,
  );
  await opener.close();
}
