/**
 * What memory a long file and many large uploads cost, over an idle server: resident memory of the server and all its
 * processes, sampled while they work.
 *
 *     npm run bench:memory
 */
import { closeSync, openAsBlob, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serverKey, startServer } from '../test/helpers/start-server.ts';
import { needSharedAudio, sharedAudio } from './support/bench-engine.ts';
import { machineLine } from './support/statistics.ts';

const UPLOADS = 32;
const UPLOAD_BYTES = 30 * 1024 * 1024;
const MEGABYTE = 1024 * 1024;
const SAMPLE_MS = 100;
const REST_MS = 5_000;

needSharedAudio();
// The queue in front of the decoders must hold all uploads, and a queued one may wait long.
const server = await startServer({ FLUXSCRIBE_LIMITS_REQUEST_BASE_SECONDS: '1200' });
const folder = await mkdtemp(join(os.tmpdir(), 'fluxscribe-memory-'));
try {
  console.log(machineLine(os));
  await send(fileURLToPath(new URL('../examples/hello.wav', import.meta.url)), {});
  await measure('60-minute file, word times', 300, async () => {
    const seconds = await send(join(sharedAudio, 'long/long-60min.opus'), {
      response_format: 'verbose_json',
      'timestamp_granularities[]': 'word',
    });
    console.log(`  done in ${seconds.toFixed(0)} s, ${(3600 / seconds).toFixed(0)} × real time`);
  });
  const large = join(folder, 'large.wav');
  writeNoise(large);
  await measure(`${UPLOADS} uploads of 30 MB at once`, 600, async () => {
    await Promise.all(Array.from({ length: UPLOADS }, () => send(large, {})));
  });
} finally {
  await rm(folder, { recursive: true });
  await server.stop();
}

async function measure(name: string, goalMegabytes: number, work: () => Promise<void>): Promise<void> {
  await sleep(REST_MS);
  const idle = server.residentBytes();
  let peak = idle;
  const sampler = setInterval(() => {
    peak = Math.max(peak, server.residentBytes());
  }, SAMPLE_MS);
  console.log(`${name}:`);
  try {
    await work();
  } finally {
    clearInterval(sampler);
  }
  const megabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
  const growth = megabytes(peak - idle);
  console.log(
    `  idle ${megabytes(idle)} MB, peak ${megabytes(peak)} MB: ${growth} MB over idle (goal ${goalMegabytes})`,
  );
}

/** Sends a file as a form and waits for the whole answer; seconds that it took. Throws when it is not a 200. */
async function send(path: string, fields: Readonly<Record<string, string>>): Promise<number> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', await openAsBlob(path), 'audio');
  const startedAt = performance.now();
  const answer = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverKey}` },
    body: form,
  });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${body.slice(0, 300)}`);
  return (performance.now() - startedAt) / 1000;
}

/** A WAV of steady noise, 16 kHz mono: all of it has to be looked at, none of it is speech. */
function writeNoise(path: string): void {
  const header = Buffer.alloc(44);
  const bytes = UPLOAD_BYTES - header.length;
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  const file = openSync(path, 'w');
  writeSync(file, header);
  const noise = Buffer.alloc(MEGABYTE);
  // A linear congruential generator: the same file every time.
  let state = 1;
  for (let at = 0; at < noise.length; at += 2) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    noise.writeInt16LE((state >> 18) - 4096, at);
  }
  for (let written = 0; written < bytes; written += noise.length) {
    writeSync(file, noise, 0, Math.min(noise.length, bytes - written));
  }
  closeSync(file);
}
