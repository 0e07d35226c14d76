import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPolicy } from '../../src/auth/key-directory.ts';
import { compose, type Gateway } from '../../src/compose.ts';
import { composeModels } from '../../src/compose-shelf.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { type Log, silentLog } from '../../src/core/log.ts';
import { parseDollars } from '../../src/core/money.ts';
import { freePolicy } from './callers.ts';
import { placeEmptyDatabase } from './databases.ts';
import { answerJson, type FakeVendor, startFakeVendor } from './fake-vendor.ts';
import { speech } from './speech.ts';

/** The whole gateway on an embedded database of its own, with one fake vendor behind it. */
export interface PayingGateway {
  readonly gateway: Gateway;
  readonly url: string;
  readonly vendor: FakeVendor;
  /** An account with this much in its wallet, and a key of it. */
  account(dollars: string, more?: Partial<KeyPolicy>, planId?: string): Promise<{ id: string; key: string }>;
  /** The made-up speech (6.21 s), by the model `house`: ten cents a minute. */
  ask(key: string, fields?: Record<string, string>, more?: AskOptions): Promise<Answer>;
  wallet(accountId: string): Promise<{ readonly balance: bigint; readonly held: bigint }>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly headers?: Record<string, string>;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of the error body; null: none. */
  readonly code: string | null;
}

export const operatorKey = 'sk-of-the-operator-of-this-test';

/** `house` is served by the vendor's model, then by ours; `vendor-only` has no stand-in. */
const catalogue = `
aliases:
  - { id: house, name: House, price: { per_minute_usd: "0.10" }, models: [openai/whisper-1, local/moonshine-tiny] }
  - { id: vendor-only, name: Vendor, price: { per_minute_usd: "0.10" }, models: [openai/whisper-1] }
`;

export interface PayingGatewayOptions {
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly log?: Log;
}

export async function startPayingGateway({
  env = {},
  log = silentLog,
}: PayingGatewayOptions = {}): Promise<PayingGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'paying-gateway-'));
  const vendor = await startFakeVendor(answerJson({ text: speech.text }));
  // An embedded database takes seconds to make: this one was made for all tests, and has its tables.
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  await placeEmptyDatabase(dataDir);
  const catalogueFile = join(folder, 'own.yaml');
  writeFileSync(catalogueFile, catalogue);
  const { HOME, FLUXSCRIBE_MODELS, FLUXSCRIBE_MODEL_MIRROR } = process.env;
  const config = loadConfig({
    env: {
      HOME,
      FLUXSCRIBE_MODELS,
      FLUXSCRIBE_MODEL_MIRROR,
      FLUXSCRIBE_DATA: dataDir,
      FLUXSCRIBE_CATALOGUE_FILE: catalogueFile,
      FLUXSCRIBE_ADMIN_KEY: operatorKey,
      FLUXSCRIBE_ENGINE_WORKERS: '1',
      // A machine that is busy with other tests must not have this one's uploads turned away.
      FLUXSCRIBE_LIMITS_SHED_LOOP_DELAY_SECONDS: '60',
      OPENAI_API_KEY: 'sk-vendor',
      OPENAI_BASE_URL: `${vendor.url}/v1`,
      ...env,
    },
    workingDir: folder,
  });
  const shelf = composeModels({ config, log });
  for (const { id } of shelf.defaultArtifacts) await shelf.store.ensure(id);
  const gateway = await compose({ config, log }, shelf);
  const url = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
  await gateway.engine.ready();
  const { accounts, keys, ledger } = gateway.accounts;
  return {
    gateway,
    url,
    vendor,
    async account(dollars, more = {}, planId = 'payg') {
      const { id } = await accounts.create({ name: 'Test', planId });
      const amountNanos = parseDollars(dollars);
      if (amountNanos > 0n) await ledger.grant({ accountId: id, amountNanos, reference: null, memo: null });
      const { key } = await keys.create(id, 'test', { ...freePolicy, ...more });
      return { id, key };
    },
    async ask(key, fields = {}, { headers = {}, bytes = readFileSync(speech.path), signal } = {}) {
      const form = new FormData();
      for (const [name, value] of Object.entries({ model: 'house', ...fields })) form.append(name, value);
      form.append('file', new Blob([bytes]), 'speech');
      const response = await fetch(`${url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, ...headers },
        body: form,
        ...(signal && { signal }),
      });
      const text = await response.text();
      const code = response.status >= 400 ? (JSON.parse(text) as { error: { code: string } }).error.code : null;
      return { status: response.status, headers: response.headers, text, code };
    },
    async wallet(accountId) {
      const { balanceNanos: balance, heldNanos: held } = await ledger.wallet(accountId);
      return { balance, held };
    },
    async close() {
      await gateway.drain(0);
      await vendor.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
