/**
 * The part of a recording that may still be needed: sound is appended as it is decoded, cut out by sample position, and
 * forgotten from the front. Its size follows the longest window, not the recording.
 */
export class PcmWindow {
  #chunks: Float32Array[] = [];
  #start = 0;
  #length = 0;

  /** Position after the last sample. */
  get end(): number {
    return this.#start + this.#length;
  }

  append(chunk: Float32Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** A copy of the samples from `from` to `to`, as far as they are kept. */
  slice(from: number, to: number): Float32Array {
    const first = Math.max(from, this.#start);
    const last = Math.min(to, this.end);
    const out = new Float32Array(Math.max(0, last - first));
    let position = this.#start;
    for (const chunk of this.#chunks) {
      const a = Math.max(first, position);
      const b = Math.min(last, position + chunk.length);
      if (a < b) out.set(chunk.subarray(a - position, b - position), a - first);
      position += chunk.length;
    }
    return out;
  }

  /** Samples before this position will not be asked for again. */
  forgetBefore(position: number): void {
    let chunk = this.#chunks[0];
    while (chunk && this.#start + chunk.length <= position) {
      this.#chunks.shift();
      this.#start += chunk.length;
      this.#length -= chunk.length;
      chunk = this.#chunks[0];
    }
  }
}
