import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Caller } from '../../src/auth/key-directory.ts';
import { hashKey } from '../../src/auth/key-store.ts';
import { GatewayError } from '../../src/core/errors.ts';
import type { Log } from '../../src/core/log.ts';
import { createHttpApp, type HttpParts } from '../../src/http/app.ts';
import { defaultHttpLimits, type HttpLimits } from '../../src/http/http-limits.ts';
import { noMetrics, type RequestRecord } from '../../src/http/http-metrics.ts';
import type { ModelDirectory, ModelEntry } from '../../src/http/model-directory.ts';
import { callerOf } from './callers.ts';
import { type ScriptedTranscribe, scriptedTranscribe } from './scripted-transcribe.ts';

/** The whole HTTP door on a port of its own, over a scripted pipeline. */
export interface TestGateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly script: ScriptedTranscribe;
  /** One for each request that has ended, in order of their ends. */
  readonly records: RequestRecord[];
  /** Every line that was logged, as text. */
  readonly logLines: string[];
  /** Names of files that lie in the spool now. */
  spooled(): Promise<string[]>;
  /** Waits until the condition holds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
}

export const goodKey = 'sk-test-good';
export const adminKey = 'sk-test-admin';
export const boundedKey = 'sk-test-bounded';
/** Nothing of it leaves the machine. */
export const localKey = 'sk-test-local';
/** Nothing of it leaves the machine, and no minute costs more than five cents. */
export const frugalKey = 'sk-test-frugal';

const callers = new Map<string, Caller>([
  [hashKey(goodKey), callerOf('key_good')],
  [hashKey(adminKey), callerOf('key_admin', { scopes: ['transcribe', 'admin'] })],
  [hashKey(boundedKey), callerOf('key_bounded', { allowedModels: ['flux-voice-fast'] })],
  [hashKey(localKey), callerOf('key_local', { localOnly: true })],
  [hashKey(frugalKey), callerOf('key_frugal', { localOnly: true, maxPriceNanosPerMinute: 50_000_000n })],
]);

export async function startTestGateway(
  context: { after(release: () => Promise<void>): void },
  more: Partial<Omit<HttpParts, 'limits'>> & { limits?: Partial<HttpLimits> } = {},
): Promise<TestGateway> {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-test-'));
  const script = scriptedTranscribe();
  const records: RequestRecord[] = [];
  const logLines: string[] = [];
  const app = await createHttpApp({
    transcribe: script.transcribe,
    explainRoute: () => {
      throw new GatewayError('model_not_found', 'This test plans no routes.');
    },
    models: testModels,
    modelDepot: { list: async () => [], find: async () => null, pull: async () => null, remove: async () => null },
    auth: createAuthenticator({ findByHash: async (hash) => callers.get(hash) ?? null }),
    tempDir,
    version: '1.2.3',
    log: writingLog(logLines),
    health: () => ({ ready: true, checks: { engine: 'ok' } }),
    metrics: { ...noMetrics, requestFinished: (record) => records.push(record) },
    metricsPublic: false,
    corsOrigins: '*',
    defaultModel: 'flux-voice',
    ...more,
    limits: { ...defaultHttpLimits, minFreeDiskBytes: 0, lingerMs: 5000, ...more.limits },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  context.after(async () => {
    app.server.closeAllConnections();
    await app.close();
    await rm(tempDir, { recursive: true, force: true });
  });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    script,
    records,
    logLines,
    async spooled() {
      const entries = await readdir(tempDir, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    async until(condition) {
      // Bounded by the test's own timeout; no assertion depends on how long it takes.
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

function writingLog(lines: string[]): Log {
  const write = (level: string) => (fields: object, message: string) => {
    lines.push(JSON.stringify({ level, ...fields, message }));
  };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}

function entryOf(id: string, more: Partial<ModelEntry> = {}): ModelEntry {
  return {
    id,
    name: id,
    description: '',
    ownedBy: 'fluxscribe',
    createdSeconds: 1_760_000_000,
    aliasOf: null,
    fallbacks: [],
    capabilities: ['transcribe', 'word-times'],
    languages: ['en'],
    audioFormats: ['ogg', 'wav'],
    price: { perMinuteUsd: '0.10', minimumSeconds: 10, perMillionTokens: null },
    limits: { maxUploadBytes: 33_554_432, maxAudioSeconds: null },
    callLimits: { maxUploadBytes: null, maxAudioSeconds: null },
    isLocal: true,
    health: 'ready',
    ...more,
  };
}

const entries = [
  entryOf('flux-voice', { aliasOf: ['local/moonshine-tiny'] }),
  entryOf('flux-voice-fast', { aliasOf: ['local/moonshine-tiny'] }),
  entryOf('local/moonshine-tiny', { ownedBy: 'local' }),
  entryOf('local/cheap', {
    ownedBy: 'local',
    price: { perMinuteUsd: '0.05', minimumSeconds: 0, perMillionTokens: null },
  }),
  entryOf('openai/cheap', {
    ownedBy: 'openai',
    isLocal: false,
    price: { perMinuteUsd: '0.006', minimumSeconds: 0, perMillionTokens: null },
  }),
  entryOf('local/whisper-base', { ownedBy: 'local', health: 'not-installed' }),
];

const testModels: ModelDirectory = {
  list: () => entries,
  find: (id) => entries.find((one) => one.id === id || one.id.endsWith(`/${id}`)) ?? null,
};

/** A second of silence as a wav file: real enough for a pipeline that is scripted. */
export function wavBytes(sizeBytes = 32_044): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(sizeBytes - 8, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  return bytes;
}
