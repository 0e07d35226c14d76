import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DepotEntry, ModelDepot } from '../../../src/http/model-depot.ts';
import type { ExplainAsk, RouteExplanation } from '../../../src/pipeline/explain-route.ts';
import { dataOf, describeAdmin, errorOf } from '../../helpers/admin-gateway.ts';

const asked: ExplainAsk[] = [];

/** Remembers what was asked, and plans nothing. */
function explainRoute(ask: ExplainAsk): RouteExplanation {
  asked.push(ask);
  return {
    model: ask.model,
    resolvedName: ask.model,
    price: { nanosPerMinute: 0n, minimumMs: 0 },
    opening: null,
    attempts: [],
    passedOver: [],
    refusal: null,
  };
}

const storedModel: DepotEntry = {
  id: 'whisper-base',
  kind: 'recogniser',
  loader: 'ctranslate2-whisper',
  state: 'not-installed',
  sizeBytes: null,
  languages: ['en'],
  models: ['local/whisper-base'],
  licence: 'MIT',
  homepage: null,
  files: [],
  sources: [],
  task: null,
};
const modelDepot: ModelDepot = {
  list: async () => [storedModel],
  find: async () => storedModel,
  pull: async () => storedModel,
  remove: async () => ({ removed: true, restartNeeded: false }),
};

describeAdmin(
  'routes and providers over HTTP',
  (admin) => {
    it('plans for another key, with all that it may do, when an admin asks', async () => {
      const { call, newAccount } = admin();
      const { id, key, keyId } = await newAccount();
      await call('PATCH', `/api/accounts/${id}/keys/${keyId}`, {
        body: { local_only: true, allowed_models: ['flux-voice'], max_price_usd_per_minute: '0.05' },
      });
      const plan = await call('GET', `/api/routes/explain?key_id=${keyId}`);
      assert.equal(plan.status, 200, plan.text);
      const access = { allowedModels: ['flux-voice'], localOnly: true, maxNanosPerMinute: 50_000_000n, prices: {} };
      assert.deepEqual(asked.at(-1)?.access, access);
      assert.equal((await call('GET', `/api/routes/explain?key_id=${keyId}`, { key })).status, 200);
      assert.deepEqual(asked.at(-1)?.access, access);
    });

    it('plans for no other key when a common key asks, and for none that is revoked', async () => {
      const { call, newAccount } = admin();
      const { id, key, keyId } = await newAccount();
      const other = await newAccount();
      const refused = await call('GET', `/api/routes/explain?key_id=${other.keyId}`, { key });
      assert.deepEqual([refused.status, errorOf(refused).param], [403, 'key_id']);
      await call('DELETE', `/api/accounts/${id}/keys/${keyId}`);
      for (const gone of [keyId, 'key_never']) {
        const reply = await call('GET', `/api/routes/explain?key_id=${gone}`);
        assert.deepEqual([reply.status, errorOf(reply).param], [404, 'key_id']);
      }
    });

    it('writes down who fetched and who deleted a model', async () => {
      const { call } = admin();
      assert.equal((await call('POST', '/api/models/whisper-base/pull')).status, 202);
      assert.equal((await call('DELETE', '/api/models/whisper-base')).status, 200);
      const acts = dataOf(await call('GET', '/api/audit?limit=2'));
      assert.deepEqual(
        acts.map((act) => [act.action, act.target, act.account_id, act.actor_key_id]),
        [
          ['model.remove', 'whisper-base', null, 'admin-setting'],
          ['model.pull', 'whisper-base', null, 'admin-setting'],
        ],
      );
    });

    it('tells how providers are', async () => {
      const [provider] = dataOf(await admin().call('GET', '/api/providers'));
      assert.deepEqual(provider, {
        id: 'openai',
        health: 'degraded',
        models: [
          {
            id: 'openai/whisper-1',
            breaker: 'open',
            retry_after_seconds: 8,
            recent: { attempts: 10, error_share: 0.6, median_latency_ms: 420 },
          },
          { id: 'openai/gpt-4o-transcribe', breaker: 'closed', retry_after_seconds: null, recent: null },
        ],
      });
    });

    it('refuses null as a body at every address that takes one', async () => {
      const { call } = admin();
      const document = await call('GET', '/openapi.json', { key: null });
      const refused: string[] = [];
      for (const [path, methods] of Object.entries(document.json.paths ?? {})) {
        for (const [method, route] of Object.entries(methods)) {
          const types = Object.keys(Object(Object(Object(route).requestBody).content));
          if (!types.includes('application/json')) continue;
          const url = path.replaceAll(/\{[^}]+\}/g, 'some');
          const reply = await call(method.toUpperCase(), url, { body: ' null\n' });
          assert.deepEqual([reply.status, errorOf(reply).code], [400, 'invalid_value'], `${method} ${path}`);
          assert.match(reply.text, /body: It must be an object, not null/);
          refused.push(path);
        }
      }
      assert.ok(refused.includes('/v1/auth/grant') && refused.length > 8, refused.join(' '));
    });

    it('describes every route in the OpenAPI document, with examples of what is sent', async () => {
      const document = await admin().call('GET', '/openapi.json', { key: null });
      const paths = Object.entries(document.json.paths ?? {}).filter(
        ([path]) => path.startsWith('/api/') || path === '/v1/auth/grant',
      );
      for (const [path, methods] of paths) {
        for (const [method, route] of Object.entries(methods)) {
          const { summary, tags, operationId, requestBody } = Object(route);
          assert.ok(summary && operationId && tags.length > 0, `${method} ${path}`);
          if (requestBody) assert.match(JSON.stringify(requestBody), /"example"/, `${method} ${path}`);
        }
      }
      assert.equal(new Set(paths.map(([path]) => path)).size, paths.length);
    });
  },
  {
    parts: {
      providers: () => [
        {
          id: 'openai',
          health: 'degraded',
          models: [
            {
              id: 'openai/whisper-1',
              breaker: 'open',
              retryAfterMs: 7_400,
              recent: { attempts: 10, errorShare: 0.6, medianLatencyMs: 420 },
            },
            { id: 'openai/gpt-4o-transcribe', breaker: 'closed', retryAfterMs: null, recent: null },
          ],
        },
      ],
    },
    http: { explainRoute, modelDepot },
  },
);
