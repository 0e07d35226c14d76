import { GatewayError } from '../core/errors.ts';
import type { StoredAudio } from './audio.ts';
import type { ByteSource } from './byte-source.ts';
import { audioUnreadable } from './containers/container.ts';
import type { Recording } from './recording.ts';
import { readRecording } from './recording.ts';
import { PiecesByteSource } from './stored-source.ts';

/**
 * What a walk may hold the event loop up for. Well-formed uploads of a few megabytes take 0.02 to 3 ms; what needs
 * longer, because it is made to or because the machine is busy, is walked in a process of its own from the start.
 */
const maxMs = 5;
/** Nothing ends as damaged here that a process of its own might still read. */
const maxCpuMs = Number.POSITIVE_INFINITY;
/** The clock is looked at before every long read, whose bytes may all be looked through, and every so many short ones. */
const longReadBytes = 4096;
const readsPerCheck = 8;

/**
 * Probes a recording that lies in memory here and now: the walk is the one of the decoding processes, reads through
 * bounds-checked views and decodes nothing. null: it is on disk, or has to be walked elsewhere.
 * Throws GatewayError as `readRecording` does.
 */
export function probeInProcess(stored: StoredAudio, maxDurationMs: number): Recording | null {
  if (stored.path !== null) return null;
  const source = new HurriedSource(new PiecesByteSource(stored.pieces));
  try {
    return readRecording(source, { maxDurationMs, maxCpuMs, check: () => source.check() });
  } catch (thrown) {
    if (thrown instanceof OutOfTime) return null;
    if (thrown instanceof GatewayError) throw thrown;
    // As in a decoding process: a reader met bytes that it did not expect.
    throw audioUnreadable('The file is damaged.');
  }
}

class OutOfTime extends Error {}

/** Ends a walk that has taken its time, whatever it is that it walks. */
class HurriedSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #base: ByteSource;
  readonly #endsAt = performance.now() + maxMs;
  #reads = 0;

  constructor(base: ByteSource) {
    this.#base = base;
    this.sizeBytes = base.sizeBytes;
  }

  read(offset: number, length: number): Uint8Array {
    if (++this.#reads % readsPerCheck === 0 || length >= longReadBytes) this.check();
    return this.#base.read(offset, length);
  }

  check(): void {
    if (performance.now() > this.#endsAt) throw new OutOfTime();
  }
}
