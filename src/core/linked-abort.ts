/**
 * A signal of one's own that is also aborted, for the same reason, when any of the others is. Every request makes a few:
 * this does what `AbortSignal.any` does at a small part of its cost, because it is told when the work is over.
 */
export class LinkedAbort {
  readonly #own = new AbortController();
  readonly #others: readonly AbortSignal[];

  constructor(...others: readonly AbortSignal[]) {
    this.#others = others;
    for (const other of others) {
      if (other.aborted) this.#own.abort(other.reason);
      else other.addEventListener('abort', this.#follow, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(reason: unknown): void {
    this.#own.abort(reason);
  }

  /** The work is over: the others are no longer followed. */
  release(): void {
    for (const other of this.#others) other.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (event: Event): void => {
    if (event.target instanceof AbortSignal) this.#own.abort(event.target.reason);
  };
}
