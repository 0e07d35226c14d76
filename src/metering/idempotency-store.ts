/** A reply that is given again to the same key. */
export interface KeptReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type IdempotencyState =
  /**
   * Nobody has answered the key: the caller's request is the first, and `finish` or `forget` must follow. `chargeKey`
   * names its work in the ledger: that of an earlier request of the key whose process died, which may have been charged.
   */
  | { readonly state: 'first'; readonly chargeKey: string }
  /** The first request is still in work. */
  | { readonly state: 'running'; readonly requestId: string }
  /** The key was used for something else. */
  | { readonly state: 'conflict' }
  | { readonly state: 'done'; readonly requestId: string; readonly reply: KeptReply };

/** What `Idempotency-Key` promises: within a day, the same key and request give the first answer. */
export interface IdempotencyStore {
  /**
   * `requestHash` is a hash of everything that was asked, the audio included. Of many at once, one is first. The
   * key of a request whose process died is free again after half a minute, and on the embedded database at its next start.
   */
  begin(ask: IdempotencyAsk): Promise<IdempotencyState>;
  /** Keeps the reply for a day. Larger bodies than 8 MiB are not kept: the key is given free. */
  finish(ask: Pick<IdempotencyAsk, 'accountId' | 'key' | 'requestId'>, reply: KeptReply): Promise<void>;
  /** Gives the key free: the request failed, and may be tried again. */
  forget(ask: Pick<IdempotencyAsk, 'accountId' | 'key' | 'requestId'>): Promise<void>;
  /** Keeps the keys of this process's requests: to be called every `renewEveryMs`. */
  renew(): Promise<void>;
  /** Gives all keys free whose requests are not finished: there is no process but this one, and it has just started. */
  freeAll(): Promise<void>;
  /** Removes expired keys, at most a thousand. */
  prune(): Promise<number>;
}

/** Well below the time after which a key without a sign of life is free. */
export const renewEveryMs = 10_000;

export interface IdempotencyAsk {
  readonly accountId: string;
  /** As the caller sent it, at most 255 characters. */
  readonly key: string;
  readonly requestHash: string;
  readonly requestId: string;
}
