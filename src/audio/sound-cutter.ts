import { GatewayError } from '../core/errors.ts';
import { type Audio, PCM_RATE } from './audio.ts';
import { quietestPlace } from './quietest-place.ts';
import { type TempFile, type TempFolder, toDiskError, writeAll } from './temp-folder.ts';
import { toWavSamples, WAV_HEADER_BYTES, wavHeader } from './wav-bytes.ts';
import { wavFileAudio } from './wav-file-audio.ts';

/** A part of a recording, in milliseconds from its start. */
export interface SoundStretch {
  readonly startMs: number;
  readonly endMs: number;
  /** null: it ends at `endMs`. Otherwise it ends at the quietest place from here to there. */
  readonly quietFromMs: number | null;
}

/** A part of a recording as a recording of its own: 16-bit mono WAV at 16 kHz in a file. */
export interface SoundPiece {
  readonly audio: Audio;
  /** Where it lies in the whole recording. */
  readonly startMs: number;
  readonly endMs: number;
  /** Removes the file; later calls do nothing. Never rejects. */
  dispose(): Promise<void>;
}

const samplesPerMs = PCM_RATE / 1000;

/**
 * Cuts stretches out of a recording in time order. The recording is decoded once, no faster than pieces are asked for; at
 * most one chunk of sound and the stretch in which a quiet place is sought are held in memory.
 */
export class SoundCutter {
  readonly #folder: TempFolder;
  readonly #chunks: AsyncIterator<Float32Array>;
  /** Decoded sound that no piece has taken yet, and where it begins. */
  #pending: Float32Array = new Float32Array(0);
  #position = 0;

  /** `signal` ends the decoding; then `cut` rejects as `Audio.pcm` does. */
  constructor(audio: Audio, folder: TempFolder, signal: AbortSignal) {
    this.#folder = folder;
    this.#chunks = audio.pcm(signal)[Symbol.asyncIterator]();
  }

  /**
   * The next piece; `stretch` must not begin before the end of the last one. null: there is no sound in it any more.
   * Rejects as `Audio.pcm` does and with GatewayError `storage_full`; then nothing of the piece is left behind.
   */
  async cut({ startMs, endMs, quietFromMs }: SoundStretch): Promise<SoundPiece | null> {
    if (startMs * samplesPerMs < this.#position) {
      throw new GatewayError('server_error', 'A piece was to begin before the end of the one before it.');
    }
    while (this.#position < startMs * samplesPerMs) {
      if (!(await this.#take(startMs * samplesPerMs))) return null;
    }
    let file: TempFile | null = null;
    try {
      file = await this.#folder.create();
      const sampleCount = await this.#write(file, endMs, quietFromMs ?? endMs);
      await file.handle.close();
      if (sampleCount === 0) {
        await file.remove();
        return null;
      }
      return pieceOf(file, startMs, sampleCount);
    } catch (thrown) {
      await discard(file);
      throw toDiskError(thrown);
    }
  }

  /** Ends the decoding. Pieces that were cut stay. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Writes the sound up to a place between the two times, with its header. Resolves with the number of samples. */
  async #write({ handle }: TempFile, endMs: number, quietFromMs: number): Promise<number> {
    // The header is written last, when the length is known; until then its place is empty.
    await writeAll(handle, [Buffer.alloc(WAV_HEADER_BYTES)]);
    let sampleCount = 0;
    const append = async (samples: Float32Array) => {
      sampleCount += samples.length;
      await writeAll(handle, [toWavSamples(samples)]);
    };
    for (;;) {
      const samples = await this.#take(quietFromMs * samplesPerMs);
      if (!samples) break;
      await append(samples);
    }
    if (endMs > quietFromMs) {
      const last = await this.#gather((endMs - quietFromMs) * samplesPerMs);
      const cut = quietestPlace(last);
      await append(last.subarray(0, cut));
      this.#pending = joined([last.subarray(cut), this.#pending]);
      this.#position -= last.length - cut;
    }
    const header = wavHeader(sampleCount * 2);
    await handle.write(header, 0, header.length, 0);
    return sampleCount;
  }

  /** The next sound, not beyond `until` (in samples); null: that is where we are, or the recording has ended. */
  async #take(until: number): Promise<Float32Array | null> {
    if (this.#position >= until) return null;
    if (this.#pending.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return null;
      this.#pending = next.value;
    }
    const taken = this.#pending.subarray(0, until - this.#position);
    this.#pending = this.#pending.subarray(taken.length);
    this.#position += taken.length;
    return taken;
  }

  /** As much of the next `count` samples as there is, in one piece. */
  async #gather(count: number): Promise<Float32Array> {
    const until = this.#position + count;
    const parts: Float32Array[] = [];
    for (;;) {
      const samples = await this.#take(until);
      if (!samples) return joined(parts);
      parts.push(samples);
    }
  }
}

async function discard(file: TempFile | null): Promise<void> {
  try {
    await file?.handle.close();
  } finally {
    await file?.remove();
  }
}

function pieceOf(file: TempFile, startMs: number, sampleCount: number): SoundPiece {
  let disposed = false;
  return {
    audio: wavFileAudio(file.path, sampleCount),
    startMs,
    endMs: Math.ceil(startMs + sampleCount / samplesPerMs),
    async dispose() {
      if (disposed) return;
      disposed = true;
      await file.remove();
    },
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
