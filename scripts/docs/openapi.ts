import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { GatewayError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { createHttpApp } from '../../src/http/app.ts';
import { defaultHttpLimits } from '../../src/http/http-limits.ts';
import { noMetrics } from '../../src/http/http-metrics.ts';
import { noAccounts } from './no-accounts.ts';

const openApi = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

/** Every route of the real app's OpenAPI document as `METHOD /path`; nothing is served and no model is loaded. */
export async function documentedRoutes(): Promise<readonly string[]> {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-openapi-'));
  const app = await createHttpApp({
    transcribe: () => Promise.reject(new GatewayError('service_unavailable', 'Nothing is served here.')),
    explainRoute: () => {
      throw new GatewayError('model_not_found', 'Nothing is served here.');
    },
    models: { list: () => [], find: () => null },
    modelDepot: { list: async () => [], find: async () => null, pull: async () => null, remove: async () => null },
    auth: { authenticate: () => Promise.reject(new GatewayError('invalid_api_key', 'Nothing is served here.')) },
    limits: defaultHttpLimits,
    tempDir,
    version: '0.0.0',
    log: silentLog,
    health: () => ({ ready: false, checks: {} }),
    metrics: noMetrics,
    metricsPublic: false,
    corsOrigins: '*',
    defaultModel: 'flux-voice',
    accounts: noAccounts,
  });
  try {
    const reply = await app.inject('/openapi.json');
    const { paths } = openApi.parse(reply.json());
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  } finally {
    await app.close();
    await rm(tempDir, { recursive: true });
  }
}
