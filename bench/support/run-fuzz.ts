import type { ServerProcess } from '../../test/helpers/start-server.ts';
import type { FuzzBase } from './fuzz-audio.ts';
import { type FuzzCase, fuzzCase } from './fuzz-requests.ts';
import { type RawAnswer, sendRaw } from './raw-http.ts';

export interface FuzzOptions {
  readonly server: ServerProcess;
  readonly key: string;
  readonly bases: readonly FuzzBase[];
  readonly seed: number;
  /** How many cases, or exactly one. */
  readonly count: number;
  readonly only?: number;
  /** Requests at one time; below the server's queue, so that 503 means a fault. */
  readonly concurrency: number;
  readonly onProgress?: (done: number) => void;
}

export interface FuzzFailure {
  readonly number: number;
  readonly story: string;
  readonly problem: string;
}

export interface FuzzReport {
  readonly done: number;
  /** How many answers of each kind: `200`, `400 audio_unreadable`, `none (broken off)`. */
  readonly answers: ReadonlyMap<string, number>;
  readonly failures: readonly FuzzFailure[];
  /** The longest-running cases, longest first. */
  readonly slowest: readonly { readonly number: number; readonly ms: number; readonly story: string }[];
  /** Resident memory of the server and its processes at rest: after a tenth of the run, after half of it, at its end. */
  readonly tenthBytes: number;
  readonly halfBytes: number;
  readonly endBytes: number;
}

const answerTimeoutMs = 90_000;

/** Sends every case and judges every answer; then waits until the server is at rest. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { server, bases, seed, key, concurrency } = options;
  const answers = new Map<string, number>();
  const failures: FuzzFailure[] = [];
  let slowest: FuzzReport['slowest'] = [];
  let done = 0;

  async function one(number: number): Promise<void> {
    const fuzzed = fuzzCase(seed, number, bases, key);
    const startedAt = performance.now();
    const { kind, problem } = await judge(fuzzed, server.port);
    const ms = performance.now() - startedAt;
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
    if (problem !== null) failures.push({ number, story: fuzzed.story, problem });
    slowest = [...slowest, { number, ms, story: fuzzed.story }].toSorted((a, b) => b.ms - a.ms).slice(0, 5);
    done++;
    options.onProgress?.(done);
  }

  async function range(from: number, to: number): Promise<void> {
    let next = from;
    const work = async () => {
      while (next < to) await one(next++);
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    await server.idle(60_000);
  }

  const first = options.only ?? 0;
  const count = options.only === undefined ? options.count : 1;
  const memory: number[] = [];
  let from = first;
  for (const share of [0.1, 0.5, 1]) {
    const to = first + Math.ceil(count * share);
    await range(from, to);
    from = to;
    memory.push(server.residentBytes());
  }
  const [tenthBytes = 0, halfBytes = 0, endBytes = 0] = memory;
  return { done, answers, failures, slowest, tenthBytes, halfBytes, endBytes };
}

interface Verdict {
  readonly kind: string;
  readonly problem: string | null;
}

async function judge(fuzzed: FuzzCase, port: number): Promise<Verdict> {
  const breakOff = fuzzed.story.endsWith('broken off');
  let answer: RawAnswer | null;
  try {
    answer = await sendRaw(fuzzed.request, { port, timeoutMs: answerTimeoutMs, breakOff });
  } catch (thrown) {
    return { kind: 'no answer', problem: String(thrown) };
  }
  if (answer === null) {
    return { kind: breakOff ? 'none (broken off)' : 'none', problem: fuzzed.wantsAnswer ? 'no answer' : null };
  }
  return judgeAnswer(answer);
}

const errorKeys = ['code', 'message', 'origin', 'param', 'type'];

function judgeAnswer(answer: RawAnswer): Verdict {
  const { status, headers, body } = answer;
  const type = headers.get('content-type') ?? '';
  const bad = (problem: string) => ({
    kind: String(status),
    problem: `${problem}: ${status} ${type} ${body.slice(0, 300)}`,
  });
  if (!/^req_/.test(headers.get('x-request-id') ?? '')) return bad('no request id');
  if (status === 200 && type.startsWith('text/event-stream')) {
    const error = /^data: (\{"error".*)$/m.exec(body)?.[1];
    if (error) return judgeError(200, error, bad);
    return body.endsWith('data: [DONE]\n\n') ? { kind: '200 stream', problem: null } : bad('a stream without an end');
  }
  if (status === 200 && type.startsWith('text/plain')) return { kind: '200 text', problem: null };
  if (!type.startsWith('application/json')) return bad('neither JSON nor text');
  if (status !== 200) return judgeError(status, body, bad);
  const reply: unknown = parsed(body);
  const hasText = typeof reply === 'object' && reply !== null && 'text' in reply && typeof reply.text === 'string';
  return hasText ? { kind: '200', problem: null } : bad('no transcript');
}

function judgeError(status: number, body: string, bad: (problem: string) => Verdict): Verdict {
  const reply: unknown = parsed(body);
  const error = typeof reply === 'object' && reply !== null && 'error' in reply ? reply.error : null;
  if (typeof error !== 'object' || error === null) return bad('no error object');
  if (Object.keys(error).toSorted().join() !== errorKeys.join()) return bad('another error shape');
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'none';
  const type = 'type' in error ? error.type : null;
  if (status >= 500 || type === 'server_error') return bad('a fault of the server');
  return { kind: `${status} ${code}`, problem: null };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/**
 * How much more memory all processes may hold at the end than after half of the run. Each keeps the most that any file
 * has made it take, so the first thousands of files make it grow, and less and less: what goes on growing is a leak.
 */
export const growthLimitBytes = 100e6;

/** What makes a run wait is given up soon: clients that promise more than they send, and hours of silence in a few bytes. */
export const fuzzSettings = {
  FLUXSCRIBE_LIMITS_UPLOAD_IDLE_SECONDS: '1',
  FLUXSCRIBE_LIMITS_MAX_AUDIO_SECONDS: '120',
  FLUXSCRIBE_LOG_LEVEL: 'warn',
};
