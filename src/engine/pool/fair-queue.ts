/**
 * A queue in which owners take turns: a recording that is cut into hundreds of windows does not make a short clip wait
 * for all of them.
 */
export class FairQueue<Item> {
  readonly #lines = new Map<object, Item[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(owner: object, item: Item): void {
    const line = this.#lines.get(owner);
    if (line) line.push(item);
    else this.#lines.set(owner, [item]);
    this.#length++;
  }

  /** Puts back what was taken in vain: it is its owner's next, and its owner's turn comes first. */
  putBack(owner: object, item: Item): void {
    const line = this.#lines.get(owner) ?? [];
    const others = [...this.#lines].filter(([one]) => one !== owner);
    this.#lines.clear();
    this.#lines.set(owner, [item, ...line]);
    for (const [one, items] of others) this.#lines.set(one, items);
    this.#length++;
  }

  /** The next item of the owner whose turn it is; that owner goes to the back. */
  shift(): Item | undefined {
    const next = this.#lines.entries().next();
    if (next.done) return undefined;
    const [owner, line] = next.value;
    const item = line.shift();
    this.#lines.delete(owner);
    if (line.length > 0) this.#lines.set(owner, line);
    this.#length--;
    return item;
  }

  /** Takes one item out of its line; says whether it was there. */
  remove(owner: object, item: Item): boolean {
    const line = this.#lines.get(owner);
    const index = line?.indexOf(item) ?? -1;
    if (!line || index < 0) return false;
    line.splice(index, 1);
    if (line.length === 0) this.#lines.delete(owner);
    this.#length--;
    return true;
  }

  /** Empties the queue and hands out what was in it. */
  drain(): Item[] {
    const items = [...this.#lines.values()].flat();
    this.#lines.clear();
    this.#length = 0;
    return items;
  }
}
