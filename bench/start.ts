/**
 * How long a start takes once everything is installed: from the process's start to serving, and to the first transcript.
 *
 *     npm run bench:start
 */
import { openAsBlob } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { serverKey, startServer } from '../test/helpers/start-server.ts';
import { machineLine, median } from './support/statistics.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const clip = await openAsBlob(fileURLToPath(new URL('../examples/hello.wav', import.meta.url)));

const serving: number[] = [];
const transcribed: number[] = [];
// The first round fetches the model where it is missing, and fills Node's cache of compiled sources.
for (let round = 0; round <= ROUNDS; round++) {
  const startedAt = performance.now();
  const server = await startServer();
  const servingMs = performance.now() - startedAt;
  const form = new FormData();
  form.append('file', clip, 'hello.wav');
  const answer = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverKey}` },
    body: form,
  });
  const { text } = (await answer.json()) as { text?: string };
  const transcribedMs = performance.now() - startedAt;
  await server.stop();
  if (!text) throw new Error(`no transcript: ${answer.status}`);
  if (round === 0) continue;
  serving.push(servingMs);
  transcribed.push(transcribedMs);
}

console.log(machineLine(os));
console.log(`${ROUNDS} starts; median, slowest`);
line('serving', serving);
line('first transcript', transcribed);

function line(name: string, times: readonly number[]): void {
  console.log(
    `${name.padEnd(18)}${median(times).toFixed(0).padStart(6)} ms${Math.max(...times)
      .toFixed(0)
      .padStart(8)} ms`,
  );
}
