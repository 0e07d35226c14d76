import type { Nanos } from '../core/money.ts';

/** What a key may do: `admin` opens metrics, accounts and settings; `live` opens sockets, `jobs` the queue. */
export type Scope = 'transcribe' | 'live' | 'jobs' | 'admin';

export const allScopes: readonly Scope[] = ['transcribe', 'live', 'jobs', 'admin'];

/** Who is asking, as far as the doors need to know. */
export interface Principal {
  /** Public id of the key, safe to log; never the key or its hash. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Names as callers write them (aliases and full ids); null: every model. */
  readonly allowedModels: readonly string[] | null;
  /** No recording of it leaves this machine; left out: it may. */
  readonly localOnly?: boolean;
  /** What a minute may cost under the name that is asked for; left out: anything. */
  readonly maxNanosPerMinute?: Nanos;
}

/** What a key allows of what there is, with nothing left out. */
export interface Access {
  readonly allowedModels: readonly string[] | null;
  readonly localOnly: boolean;
  readonly maxNanosPerMinute: Nanos | null;
}

export function accessOf({ allowedModels, localOnly = false, maxNanosPerMinute }: Principal): Access {
  return { allowedModels, localOnly, maxNanosPerMinute: maxNanosPerMinute ?? null };
}

/** Whether the key may use a model under the name that the caller wrote. */
export function mayUseModel(principal: Principal, name: string): boolean {
  return principal.allowedModels === null || principal.allowedModels.includes(name);
}
