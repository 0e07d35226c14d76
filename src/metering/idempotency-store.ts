/** A reply that is given again to the same key. */
export interface KeptReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type IdempotencyState =
  /** Nobody used the key: the caller's request is the first, and `finish` or `forget` must follow. */
  | { readonly state: 'first' }
  /** The first request is still in work. */
  | { readonly state: 'running'; readonly requestId: string }
  /** The key was used for something else. */
  | { readonly state: 'conflict' }
  | { readonly state: 'done'; readonly requestId: string; readonly reply: KeptReply };

/** What `Idempotency-Key` promises: within a day, the same key and request give the first answer. */
export interface IdempotencyStore {
  /**
   * `requestHash` is a hash of everything that was asked, the audio included. Of many at once, one is first. A first
   * request that its process did not live to finish gives the key free after `runningTtlMs`.
   */
  begin(ask: IdempotencyAsk): Promise<IdempotencyState>;
  /** Keeps the reply for a day. Larger bodies than 8 MiB are not kept: the key is given free. */
  finish(ask: Pick<IdempotencyAsk, 'accountId' | 'key' | 'requestId'>, reply: KeptReply): Promise<void>;
  /** Gives the key free: the request failed, and may be tried again. */
  forget(ask: Pick<IdempotencyAsk, 'accountId' | 'key' | 'requestId'>): Promise<void>;
  /** Removes expired keys, at most a thousand. */
  prune(): Promise<number>;
}

export interface IdempotencyAsk {
  readonly accountId: string;
  /** As the caller sent it, at most 255 characters. */
  readonly key: string;
  readonly requestHash: string;
  readonly requestId: string;
  readonly runningTtlMs: number;
}
