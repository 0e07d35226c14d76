/** The room that all uploads in memory share: a ceiling on their sum, whatever their number. */
export class MemoryBudget {
  readonly #totalBytes: number;
  #leftBytes: number;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
    this.#leftBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#totalBytes - this.#leftBytes;
  }

  /** Whether there was room for so many bytes; then they are taken until they are given back. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
  }
}
