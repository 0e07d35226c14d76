/** One bucket that has to have room. */
export interface BucketAsk {
  /** Whose and what for; kept in Redis under this name. */
  readonly id: string;
  /** Whole and above zero. */
  readonly perMinute: number;
  /** Must fit in, in units of `bucket.ts`; more than the bucket holds is as much as it holds. */
  readonly needUnits: number;
  /** Goes in if everything fits; 0: it was only asked whether there is room. */
  readonly costUnits: number;
}

/** One set of places of which there has to be a free one. */
export interface PlaceAsk {
  readonly id: string;
  /** Whole and not negative. */
  readonly max: number;
}

/** Everything that one request needs: it gets all of it, or nothing is taken. */
export interface CountersAsk {
  /** Account or key under which it is kept: names of one owner lie on one node of a Redis cluster. */
  readonly owner: string;
  readonly buckets: readonly BucketAsk[];
  readonly places: readonly PlaceAsk[];
}

export interface Verdict {
  readonly isAllowed: boolean;
  /** Of each bucket, in units: with what was taken now, or as it is where nothing was. */
  readonly levels: readonly number[];
  /** Of each set of places, how many are taken: with this one, or as it is. */
  readonly taken: readonly number[];
  /** Gives the places back. Must be called once; further calls do nothing. */
  release(): void;
}

/** Where limits are counted. A memory answers at once; what has to be asked over a network answers later. */
export interface Counters {
  take(ask: CountersAsk): Verdict | Promise<Verdict>;
  close(): Promise<void>;
}
