/**
 * The decoding process. It reads one file at a time, may write none, and may start nothing: see child-worker.ts for the
 * permissions it runs under. A hostile file can stall or kill it, and nothing else.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { audioUnreadable } from './containers/container.ts';
import { decodePcm, proveDecodable } from './pcm-stream.ts';
import type { DecodeCeilings, FromDecodeWorker, ToDecodeWorker } from './protocol.ts';
import type { RecordingPlan } from './recording.ts';
import { readRecording } from './recording.ts';
import { openStored } from './stored-source.ts';

type OpenTask = Extract<ToDecodeWorker, { type: 'open' }>;
type DecodeTask = Extract<ToDecodeWorker, { type: 'decode' }>;

/** An idle process has some 90 MB from sources, 60 MB when built. */
const TIDY_RSS_BYTES = 128 * 1024 * 1024;

class Cancelled extends Error {}

interface Running {
  readonly task: number;
  credit: number;
  isCancelled: boolean;
  /** Ends the wait for credit. */
  wake: () => void;
}

let running: Running | null = null;

// The WebAssembly decoders report every damaged packet on the console; a damaged file has thousands.
console.error = () => {};

process.on('disconnect', () => process.exit(0));
// As in the engine's processes: a signal to the whole group is the server's to act on, and a recording that is being
// decoded belongs to a request that it lets finish.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('message', (message: ToDecodeWorker) => {
  switch (message.type) {
    case 'open':
      void work(message, () => open(message));
      break;
    case 'decode':
      void work(message, (state) => decode(message, state));
      break;
    case 'credit':
      if (running?.task === message.task) {
        running.credit += message.chunks;
        running.wake();
      }
      break;
    case 'cancel':
      if (running?.task === message.task) {
        running.isCancelled = true;
        running.wake();
      }
      break;
  }
});
send({ type: 'ready' });

async function work(message: OpenTask | DecodeTask, run: (state: Running) => Promise<FromDecodeWorker>): Promise<void> {
  const { task } = message;
  const state: Running = {
    task,
    credit: message.type === 'decode' ? message.credit : 0,
    isCancelled: false,
    wake() {},
  };
  running = state;
  let answer: FromDecodeWorker;
  try {
    answer = await run(state);
  } catch (error) {
    answer = failure(task, error);
  }
  running = null;
  send(answer);
  // Every decoder brings 16 MB of WebAssembly memory of its own, which V8 hardly counts and so seldom clears away.
  if (rssBytes() > TIDY_RSS_BYTES) globalThis.gc?.();
}

async function open(message: OpenTask): Promise<FromDecodeWorker> {
  const { task, ceilings } = message;
  using source = openStored(message.stored);
  const limits = { maxDurationMs: message.maxDurationMs, maxCpuMs: ceilings.walkCpuMs };
  const { probe, plan } = readRecording(source, limits);
  const isInline = plan.durationMs <= message.inlineMaxMs;
  const check = ceilingCheck(ceilings, plan.durationMs, running);
  if (isInline) {
    const pcm = await decodeWhole(source, plan, check);
    return { type: 'opened', task, probe, plan, pcm, rssBytes: rssBytes() };
  }
  // What nothing can decode is refused here and now, not when somebody wants to hear it.
  await proveDecodable(source, check);
  return { type: 'opened', task, probe, plan, pcm: null, rssBytes: rssBytes() };
}

async function decode(message: DecodeTask, state: Running): Promise<FromDecodeWorker> {
  const { task, plan, fromSample, ceilings } = message;
  using source = openStored(message.stored);
  const check = ceilingCheck(ceilings, plan.durationMs, state);
  for await (const samples of decodePcm(source, plan, { fromSample, check })) {
    while (state.credit === 0 && !state.isCancelled) {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
    if (state.isCancelled) throw new Cancelled();
    state.credit--;
    send({ type: 'chunk', task, samples });
    // Decoding is synchronous at heart: without a turn of the event loop no cancellation would arrive.
    await nextTurn();
  }
  return { type: 'end', task, rssBytes: rssBytes() };
}

function ceilingCheck(ceilings: DecodeCeilings, durationMs: number, state: Running | null): () => void {
  const started = process.cpuUsage();
  const maxCpuMs = ceilings.decodeCpuFloorMs + durationMs * ceilings.decodeCpuShare;
  return () => {
    if (state?.isCancelled) throw new Cancelled();
    const used = process.cpuUsage(started);
    if ((used.user + used.system) / 1000 > maxCpuMs) throw audioUnreadable('The file took too long to decode.');
    if (rssBytes() > ceilings.rssBytes) throw audioUnreadable('The file took too much memory to decode.');
  };
}

async function decodeWhole(source: ByteSource, plan: RecordingPlan, check: () => void): Promise<Float32Array> {
  const chunks: Float32Array[] = [];
  for await (const chunk of decodePcm(source, plan, { fromSample: 0, check })) chunks.push(chunk);
  const whole = new Float32Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}

function failure(task: number, error: unknown): FromDecodeWorker {
  if (error instanceof Cancelled) return { type: 'cancelled', task, rssBytes: rssBytes() };
  if (error instanceof GatewayError) {
    return { type: 'failed', task, code: error.code, message: error.message, rssBytes: rssBytes() };
  }
  // A file that cannot be opened is our trouble. Anything else was thrown by a reader that met bytes it did not expect.
  const isSystemError = error instanceof Error && 'syscall' in error;
  const code = isSystemError ? 'server_error' : 'audio_unreadable';
  const message = isSystemError ? 'The recording could not be read from disk.' : 'The file is damaged.';
  return { type: 'failed', task, code, message, rssBytes: rssBytes() };
}

function rssBytes(): number {
  return process.memoryUsage.rss();
}

function send(message: FromDecodeWorker): void {
  // Without a channel the server is gone, and `disconnect` ends this process.
  if (process.connected) process.send?.(message);
}
