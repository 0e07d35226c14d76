import { type FileHandle, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteSource, type ByteStream, hasCode, reasonOf, TransferError } from './byte-source.ts';

/** How a transfer behaves when the other side does not. */
export interface TransferPolicy {
  /** A transfer that brings nothing for this long is ended and resumed. */
  readonly idleTimeoutMs: number;
  /** Failures in a row without one new byte after which a source is given up. */
  readonly maxFruitlessTries: number;
  /** Tries in all, so that a source that drips one byte a try ends too. */
  readonly maxTries: number;
  /** Pause before the second try; each further fruitless one doubles it. */
  readonly retryDelayMs: number;
  /** pip and uv show nothing while they look a package up, and have retries of their own: they get longer. */
  readonly toolIdleTimeoutMs: number;
}

export const defaultTransferPolicy: TransferPolicy = {
  idleTimeoutMs: 30_000,
  maxFruitlessTries: 3,
  maxTries: 20,
  retryDelayMs: 500,
  toolIdleTimeoutMs: 120_000,
};

export interface TransferAsk {
  readonly source: ByteSource;
  /** Grows as bytes arrive; what an earlier process left in it is kept and resumed. */
  readonly partFile: string;
  /** A file that is larger is refused before its bytes fill the disk. */
  readonly maxBytes: number;
  /**
   * No sum will tell whether the beginning and the rest belong together: what is there already counts only when the
   * other side has the same version of the file still.
   */
  readonly unpinned: boolean;
  /** Called once the size is known, with the bytes that are still to come; rejects when they have no room. */
  readonly requireRoom: (bytes: number) => Promise<void>;
  readonly policy: TransferPolicy;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number | null) => void;
}

/**
 * Brings one file to `partFile`, resuming after every break. Resolves with the SHA-256 that the other side named, which
 * nobody has checked yet, or null. Rejects with TransferError, or with the signal's reason.
 */
export async function transfer(ask: TransferAsk): Promise<string | null> {
  const { partFile, policy, signal } = ask;
  await mkdir(dirname(partFile), { recursive: true });
  let fruitless = 0;
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(partFile);
    try {
      const announced = await appendOnce(ask, before);
      await rm(versionFileOf(partFile), { force: true });
      return announced;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asTransferError(thrown);
      fruitless = (await sizeOf(partFile)) > before ? 0 : fruitless + 1;
      if (!error.retryable || fruitless >= policy.maxFruitlessTries || attempt >= policy.maxTries) throw error;
      await sleep(policy.retryDelayMs * 2 ** Math.max(0, fruitless - 1), undefined, { signal });
    }
  }
}

async function appendOnce(ask: TransferAsk, haveBytes: number): Promise<string | null> {
  const { partFile, maxBytes, source, signal } = ask;
  await source.prepare?.();
  const haveVersion = ask.unpinned && haveBytes > 0 ? await readVersion(partFile) : null;
  const wantedOffset = ask.unpinned && haveVersion === null ? 0 : haveBytes;
  const idle = new AbortController();
  const stream = await withIdleLimit(idle, ask, () =>
    openOrAbort(source, wantedOffset, AbortSignal.any([signal, idle.signal])),
  ).catch(async (thrown: unknown) => {
    // A part that the other side cannot continue is worth nothing: the next try starts over.
    if (thrown instanceof TransferError && thrown.message === 'HTTP 416') await rm(partFile, { force: true });
    throw thrown;
  });
  try {
    if ((stream.totalBytes ?? 0) > maxBytes) {
      throw new TransferError(`it is ${stream.totalBytes} bytes, and at most ${maxBytes} are expected`, false);
    }
    if (ask.unpinned && stream.offset > 0 && stream.version !== haveVersion) {
      await rm(partFile, { force: true });
      throw new TransferError('the file was replaced by another version meanwhile', true);
    }
    if (stream.totalBytes !== null) await ask.requireRoom(stream.totalBytes - stream.offset);
    if (ask.unpinned && stream.offset === 0) await writeVersion(partFile, stream.version);
    await using file = await open(partFile, 'a');
    if (stream.offset === 0) await file.truncate(0);
    const received = await append(ask, stream, file, idle);
    if (stream.totalBytes !== null && received < stream.totalBytes) {
      throw new TransferError(`it stopped after ${received} of ${stream.totalBytes} bytes`, true);
    }
    return stream.sha256;
  } finally {
    stream.stop();
  }
}

async function append(ask: TransferAsk, stream: ByteStream, file: FileHandle, idle: AbortController): Promise<number> {
  let received = stream.offset;
  const stop = () => stream.stop();
  const interrupted = AbortSignal.any([ask.signal, idle.signal]);
  interrupted.addEventListener('abort', stop);
  const chunks = stream.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await withIdleLimit(idle, ask, () => orAbort(chunks.next(), interrupted));
      if (next.done) return received;
      received += next.value.byteLength;
      if (received > ask.maxBytes)
        throw new TransferError(`it is larger than the ${ask.maxBytes} bytes expected`, false);
      await file.write(next.value);
      ask.onProgress(received, stream.totalBytes);
    }
  } finally {
    interrupted.removeEventListener('abort', stop);
  }
}

/** Runs one step that must bring something within the idle limit. */
async function withIdleLimit<Value>(
  idle: AbortController,
  ask: TransferAsk,
  step: () => Promise<Value>,
): Promise<Value> {
  const limitMs = ask.policy.idleTimeoutMs;
  const timer = setTimeout(
    () => idle.abort(new TransferError(`nothing arrived for ${limitMs / 1000} s`, true)),
    limitMs,
  );
  try {
    return await step();
  } catch (thrown) {
    throw idle.signal.aborted ? idle.signal.reason : thrown;
  } finally {
    clearTimeout(timer);
  }
}

/** A stream that opens after nobody waits for it any more is stopped. */
function openOrAbort(source: ByteSource, offset: number, signal: AbortSignal): Promise<ByteStream> {
  const opening = source.open(offset, signal).then((stream) => {
    if (signal.aborted) stream.stop();
    return stream;
  });
  return orAbort(opening, signal);
}

/** Some bodies do not notice that they were stopped; the wait for them ends all the same. */
function orAbort<Value>(step: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    step.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function asTransferError(thrown: unknown): TransferError {
  if (thrown instanceof TransferError) return thrown;
  if (hasCode(thrown, 'ENOSPC')) return new TransferError('the disk is full', false, thrown);
  if (hasCode(thrown, 'EACCES') || hasCode(thrown, 'EROFS')) return new TransferError(reasonOf(thrown), false, thrown);
  return new TransferError(reasonOf(thrown), true, thrown);
}

function versionFileOf(partFile: string): string {
  return `${partFile}.version`;
}

async function readVersion(partFile: string): Promise<string | null> {
  try {
    return (await readFile(versionFileOf(partFile), 'utf8')) || null;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return null;
    throw thrown;
  }
}

/** What a version is not known of cannot be continued later. */
async function writeVersion(partFile: string, version: string | null): Promise<void> {
  if (version === null) await rm(versionFileOf(partFile), { force: true });
  else await writeFile(versionFileOf(partFile), version);
}

/** Bytes of a file, 0 when it is not there. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return 0;
    throw thrown;
  }
}
