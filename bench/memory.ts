/**
 * What memory a long file and many large uploads cost, over an idle server: resident memory of the server and all its
 * processes, sampled while they work. Pages that processes share are counted once for each. Each load has a server of its
 * own, which is idle when it has answered one request and rested.
 *
 *     npm run bench:memory [hour] [noise] [speech]
 */
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ServerProcess, serverKey, startServer } from '../test/helpers/start-server.ts';
import { needSharedAudio, sharedAudio } from './support/bench-engine.ts';
import { writeNoiseWav, writeSpeechWav } from './support/large-wavs.ts';
import { machineLine } from './support/statistics.ts';

const UPLOADS = 32;
const UPLOAD_BYTES = 30_000_000;
const MEGABYTE = 1e6;
const SAMPLE_MS = 100;
const REST_MS = 5_000;
const hello = fileURLToPath(new URL('../examples/hello.wav', import.meta.url));

interface Load {
  readonly name: string;
  readonly goalMegabytes: number;
  /** Sends everything; says how many seconds of sound that were. */
  send(server: ServerProcess): Promise<number>;
}

const folder = await mkdtemp(join(os.tmpdir(), 'fluxscribe-memory-'));
const loads: Readonly<Record<string, Load>> = {
  hour: {
    name: 'a 60-minute file, with word times',
    goalMegabytes: 300,
    send: (server) =>
      transcribe(server, join(sharedAudio, 'long/long-60min.opus'), {
        response_format: 'verbose_json',
        'timestamp_granularities[]': 'word',
      }),
  },
  noise: {
    name: `${UPLOADS} uploads of 30 MB at once: 16 minutes of noise each`,
    goalMegabytes: 600,
    send: (server) => sendMany(server, writeNoiseWav),
  },
  speech: {
    name: `${UPLOADS} uploads of 30 MB at once: 2.6 minutes of speech each, 48 kHz stereo`,
    goalMegabytes: 600,
    send: (server) => sendMany(server, writeSpeechWav),
  },
};

const wanted = process.argv.slice(2);
if (wanted.length === 0 || wanted.includes('hour')) needSharedAudio();
try {
  console.log(machineLine(os));
  for (const [key, load] of Object.entries(loads)) if (wanted.length === 0 || wanted.includes(key)) await measure(load);
} finally {
  await rm(folder, { recursive: true });
}

async function measure({ name, goalMegabytes, send }: Load): Promise<void> {
  // What is asked here is memory: the last of many uploads may wait for long.
  const server = await startServer({ FLUXSCRIBE_LIMITS_REQUEST_BASE_SECONDS: '1200' });
  try {
    await transcribe(server, hello, {});
    await sleep(REST_MS);
    const idle = server.residentBytes();
    let peak = idle;
    const sampler = setInterval(() => {
      peak = Math.max(peak, server.residentBytes());
    }, SAMPLE_MS);
    const startedAt = performance.now();
    const soundSeconds = await send(server);
    clearInterval(sampler);
    const seconds = (performance.now() - startedAt) / 1000;
    await sleep(REST_MS);
    const megabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
    const growth = megabytes(peak - idle);
    console.log(
      `${name}\n` +
        `  ${growth} MB over idle, goal ${goalMegabytes}: ${growth < goalMegabytes ? 'kept' : 'MISSED'}\n` +
        `  idle ${megabytes(idle)} MB, peak ${megabytes(peak)} MB, ` +
        `${megabytes(server.residentBytes())} MB ${REST_MS / 1000} s after\n` +
        `  ${seconds.toFixed(0)} s for ${(soundSeconds / 60).toFixed(0)} minutes: ` +
        `${(soundSeconds / seconds).toFixed(0)} × real time`,
    );
    if (growth >= goalMegabytes) process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

async function sendMany(server: ServerProcess, write: (path: string, sizeBytes: number) => void): Promise<number> {
  const path = join(folder, 'large.wav');
  write(path, UPLOAD_BYTES);
  const lengths = await Promise.all(Array.from({ length: UPLOADS }, () => transcribe(server, path, {})));
  return lengths.reduce((sum, one) => sum + one, 0);
}

/** Sends a file as a form and waits for the whole answer; seconds of sound in it. Throws when it is not a 200. */
async function transcribe(
  server: ServerProcess,
  path: string,
  fields: Readonly<Record<string, string>>,
): Promise<number> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', await openAsBlob(path), 'audio');
  const answer = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverKey}` },
    body: form,
  });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${body.slice(0, 300)}`);
  return (JSON.parse(body) as { duration: number }).duration;
}
