import type { ProviderKey, ProviderKeyStore } from './auth/provider-key-store.ts';
import type { OwnKey } from './compose-providers.ts';
import { GatewayError, toGatewayError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import type { ProviderKeyTest, TestProviderKey } from './http/admin-parts.ts';
import type { AccountKeys, AccountKeysOf } from './pipeline/own-keys.ts';
import type { Provider } from './providers/contract.ts';
import type { Breakers } from './routing/breakers.ts';

/** The vendor keys of accounts, as requests use them. */
export interface OwnKeyRing {
  /** Answers at once where it has looked just now. Rejects with GatewayError when the database cannot be asked. */
  readonly accountKeysOf: AccountKeysOf;
  /** The store, of which this process's requests see every change at once. */
  readonly store: ProviderKeyStore;
  readonly test: TestProviderKey;
  /** Ends what is done with these keys. */
  close(): Promise<void>;
}

export interface OwnKeyRingParts {
  readonly store: ProviderKeyStore;
  /** How long it may be until a change by another process is seen, in milliseconds. */
  readonly lifetimeMs: number;
  readonly withKey: (providerId: string, key: OwnKey) => Provider | null;
  /** Breakers for one account. */
  readonly createBreakers: () => Breakers;
  /** Where the own key gives no answer, the operator's is not asked. */
  readonly isAlone: boolean;
  readonly log: Log;
  /** Milliseconds that only go forward; left out: the process's own. */
  readonly nowMs?: () => number;
}

/** Accounts whose keys are held open at one time; of more, those that were first looked for are looked for again. */
const mostAccounts = 1_000;

interface Entry {
  readonly loadedAtMs: number;
  readonly keys: AccountKeys | null;
  readonly held: ReadonlyMap<string, HeldKey>;
}

export function createOwnKeyRing(parts: OwnKeyRingParts): OwnKeyRing {
  const { store, lifetimeMs, log, nowMs = () => performance.now() } = parts;
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<AccountKeys | null>>();
  /** All that are not closed yet: also those whose key was replaced while a request was under way. */
  const open = new Set<HeldKey>();
  let isUnreadableTold = false;
  /** Of keys, by this process: what was read while one came about is read again. */
  let changeCount = 0;

  function forget(accountId: string): void {
    changeCount++;
    const entry = entries.get(accountId);
    entries.delete(accountId);
    loading.delete(accountId);
    for (const one of entry?.held.values() ?? []) one.retire();
  }

  async function openKey({ accountId, provider }: ProviderKey): Promise<Provider | null> {
    try {
      const own = await store.open(accountId, provider);
      return own && parts.withKey(provider, { apiKey: own.key.reveal(), baseUrl: own.baseUrl });
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code === 'service_unavailable') throw error;
      // Without the master key the account's requests go on as if it had no keys; the operator has to know.
      if (!isUnreadableTold) log.error({ code: error.code, accountId, provider }, 'a vendor key cannot be opened');
      isUnreadableTold = true;
      return null;
    }
  }

  async function load(accountId: string): Promise<AccountKeys | null> {
    const changesBefore = changeCount;
    const rows = await store.list(accountId);
    const before = entries.get(accountId);
    const held = new Map<string, HeldKey>();
    for (const row of rows) {
      const known = before?.held.get(row.provider);
      if (known?.isOf(row)) {
        held.set(row.provider, known);
        continue;
      }
      const provider = await openKey(row);
      if (!provider) continue;
      const made = new HeldKey(row, provider, () => open.delete(made));
      open.add(made);
      held.set(row.provider, made);
    }
    for (const [id, one] of before?.held ?? []) if (held.get(id) !== one) one.retire();
    const keys = held.size === 0 ? null : keysOf(accountId, held, before?.keys ?? null);
    entries.delete(accountId);
    entries.set(accountId, {
      loadedAtMs: changesBefore === changeCount ? nowMs() : Number.NEGATIVE_INFINITY,
      keys,
      held,
    });
    if (entries.size > mostAccounts) forget(entries.keys().next().value ?? accountId);
    return keys;
  }

  function keysOf(accountId: string, held: ReadonlyMap<string, HeldKey>, before: AccountKeys | null): AccountKeys {
    return {
      providers: new Map([...held].map(([id, one]) => [id, one.provider])),
      breakers: before?.breakers ?? parts.createBreakers(),
      choice: { providerIds: new Set(held.keys()), isAlone: parts.isAlone },
      onEnded(providerId, verdict) {
        if (!held.get(providerId)?.turnsTo(verdict)) return;
        store.setStatus(accountId, providerId, verdict).catch((thrown: unknown) => {
          log.warn({ code: toGatewayError(thrown).code }, 'the status of a vendor key could not be written down');
        });
      },
    };
  }

  return {
    accountKeysOf(accountId) {
      const entry = entries.get(accountId);
      if (entry && nowMs() - entry.loadedAtMs < lifetimeMs) return entry.keys;
      const known = loading.get(accountId);
      if (known) return known;
      const work = load(accountId).finally(() => {
        if (loading.get(accountId) === work) loading.delete(accountId);
      });
      loading.set(accountId, work);
      return work;
    },
    store: {
      ...store,
      async put(accountId, provider, key, baseUrl, note) {
        const kept = await store.put(accountId, provider, key, baseUrl, note);
        forget(accountId);
        return kept;
      },
      async remove(accountId, provider, note) {
        await store.remove(accountId, provider, note);
        forget(accountId);
      },
    },
    test: async (accountId, provider, signal) => {
      const test = await testKey(parts, accountId, provider, signal);
      // A status that was noted from requests may be another now.
      forget(accountId);
      return test;
    },
    async close() {
      await Promise.all([...open].map((one) => one.close()));
      entries.clear();
    },
  };
}

/** One open key. Replaced, it ends once nobody is busy with it: a request that began with it may finish. */
class HeldKey {
  readonly provider: Provider;
  readonly #inner: Provider;
  readonly #row: ProviderKey;
  readonly #onClosed: () => void;
  #status: ProviderKey['status'];
  #busy = 0;
  #isRetired = false;

  constructor(row: ProviderKey, inner: Provider, onClosed: () => void) {
    this.#row = row;
    this.#status = row.status;
    this.#inner = inner;
    this.#onClosed = onClosed;
    this.provider = {
      id: inner.id,
      models: () => inner.models(),
      transcribe: async (ask, call) => {
        this.#busy++;
        try {
          return await inner.transcribe(ask, call);
        } catch (thrown) {
          throw notTheCallers(thrown);
        } finally {
          this.#busy--;
          if (this.#isRetired && this.#busy === 0) await this.close();
        }
      },
      close: () => this.close(),
    };
  }

  isOf({ createdAt, baseUrl, last4 }: ProviderKey): boolean {
    const row = this.#row;
    return row.createdAt.getTime() === createdAt.getTime() && row.baseUrl === baseUrl && row.last4 === last4;
  }

  /** Whether this is news. */
  turnsTo(status: ProviderKey['status']): boolean {
    const isNews = this.#status !== status;
    this.#status = status;
    return isNews;
  }

  retire(): void {
    this.#isRetired = true;
    // Providers give no reason to fail here; one that did would have nobody left to tell.
    if (this.#busy === 0) void this.close();
  }

  async close(): Promise<void> {
    this.#onClosed();
    await this.#inner.close();
  }
}

/** An address that may not be asked is the account's setting, not this request's: the operator's key may still help. */
function notTheCallers(thrown: unknown): GatewayError {
  const error = toGatewayError(thrown);
  if (error.code !== 'invalid_value' || error.origin !== 'router') return error;
  return new GatewayError('bad_gateway', `The account's own vendor key cannot be used. ${error.message}`, {
    cause: error,
  });
}

async function testKey(
  { store, withKey }: OwnKeyRingParts,
  accountId: string,
  providerId: string,
  signal: AbortSignal,
): Promise<ProviderKeyTest> {
  const own = await store.open(accountId, providerId);
  if (!own) throw new GatewayError('not_found', 'The account has no key for this provider.');
  const provider = withKey(providerId, { apiKey: own.key.reveal(), baseUrl: own.baseUrl });
  if (!provider) {
    const message = 'Nobody knows the address of this provider: it is not switched on, and the key names none.';
    return { isWorking: false, latencyMs: 0, error: { code: 'unsupported_value', message } };
  }
  const startedAt = performance.now();
  const sinceStart = () => Math.round(performance.now() - startedAt);
  try {
    if (!provider.checkKey) {
      throw new GatewayError('unsupported_value', 'For this provider there is no call that tells and costs nothing.', {
        param: 'provider',
      });
    }
    await provider.checkKey(signal);
    await store.setStatus(accountId, providerId, 'working');
    return { isWorking: true, latencyMs: sinceStart(), error: null };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.origin === 'router' && error.code !== 'invalid_value') throw error;
    if (error.code === 'provider_key_refused') await store.setStatus(accountId, providerId, 'refused');
    // A vendor's own words are for whoever wrote the request; here nobody has.
    const message =
      error.blame === 'caller' && error.origin === 'provider' ? 'The provider refused to tell.' : error.message;
    return { isWorking: false, latencyMs: sinceStart(), error: { code: error.code, message } };
  } finally {
    await provider.close();
  }
}
