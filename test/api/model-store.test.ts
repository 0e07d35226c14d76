import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../src/core/errors.ts';
import type { DepotEntry, ModelDepot } from '../../src/http/model-depot.ts';
import { adminKey, goodKey, startTestGateway } from '../helpers/test-gateway.ts';

const tiny: DepotEntry = {
  ...{ id: 'tiny', kind: 'recogniser', loader: 'whisper', state: 'not-installed', sizeBytes: null },
  ...{ languages: ['en', 'sv'], models: ['local/tiny'], licence: 'MIT', homepage: 'https://e.example' },
  files: [{ name: 'tokens.txt', sizeBytes: 3, sha256: null, from: null }],
  ...{ sources: ['npm package tiny@1.0.0'], task: null },
};
const running: DepotEntry = {
  ...tiny,
  task: {
    ...{ state: 'running', phase: 'fetch', from: 'npm package tiny@1.0.0', doneBytes: 1, totalBytes: 3 },
    ...{ startedAtMs: 1_700_000_000_900, endedAtMs: null, error: null, restartNeeded: false },
  },
};

const depot: ModelDepot = {
  list: async () => [tiny],
  find: async (id) => (['tiny', 'there', 'full', 'needed', 'absent'].includes(id) ? { ...running, id } : null),
  async pull(id) {
    if (id === 'full') throw new GatewayError('service_unavailable', 'Too many wait.', { retryAfterSeconds: 60 });
    if (id === 'there') return { ...tiny, id, state: 'installed' };
    return id === 'tiny' ? running : null;
  },
  async remove(id) {
    if (id === 'needed') throw new GatewayError('model_in_use', 'It is needed.');
    return id === 'gone' ? null : { removed: id === 'tiny', restartNeeded: true };
  },
};

describe('/api/models', () => {
  it('wants a key with the scope admin for everything', async (context) => {
    const { url } = await startTestGateway(context, { modelDepot: depot });
    for (const [method, path] of [
      ['GET', '/api/models'],
      ['GET', '/api/models/tiny'],
      ['POST', '/api/models/tiny/pull'],
      ['DELETE', '/api/models/tiny'],
    ] as const) {
      assert.equal((await fetch(url + path, { method })).status, 401, path);
      const refused = await fetch(url + path, { method, headers: { 'x-api-key': goodKey } });
      assert.equal(refused.status, 403, path);
    }
  });

  const call = async (url: string, method: string, path: string) => {
    const response = await fetch(`${url}/api/models${path}`, { method, headers: { 'x-api-key': adminKey } });
    return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers };
  };

  it('lists models and shows how far a pull is', async (context) => {
    const { url } = await startTestGateway(context, { modelDepot: depot });
    const list = await call(url, 'GET', '');
    assert.equal(list.body.object, 'list');
    assert.equal(list.body.data[0].size_bytes, null);
    const one = await call(url, 'GET', '/local%2Ftiny');
    assert.deepEqual(one.body.task, {
      ...{ status: 'running', phase: 'fetch', from: 'npm package tiny@1.0.0', done_bytes: 1, total_bytes: 3 },
      ...{ started_at: 1_700_000_000, ended_at: null, error: null, restart_needed: false },
    });
    const none = await call(url, 'GET', '/nope');
    assert.deepEqual([none.status, none.body.error.code], [404, 'model_not_found']);
  });

  it('answers a pull with 202 while it is on its way, 200 when it is there, 503 when too many wait', async (context) => {
    const { url } = await startTestGateway(context, { modelDepot: depot });
    assert.equal((await call(url, 'POST', '/tiny/pull')).status, 202);
    assert.equal((await call(url, 'POST', '/there/pull')).status, 200);
    assert.equal((await call(url, 'POST', '/nope/pull')).status, 404);
    const full = await call(url, 'POST', '/full/pull');
    assert.deepEqual([full.status, full.headers.get('retry-after')], [503, '60']);
  });

  it('removes models, and answers 409 for those that are needed', async (context) => {
    const { url } = await startTestGateway(context, { modelDepot: depot });
    const removed = await call(url, 'DELETE', '/tiny');
    assert.deepEqual(removed.body, { id: 'tiny', object: 'stored_model', deleted: true, restart_needed: true });
    assert.equal((await call(url, 'DELETE', '/needed')).status, 409);
    assert.equal((await call(url, 'DELETE', '/absent')).status, 404);
    assert.equal((await call(url, 'DELETE', '/gone')).status, 404);
  });

  it('stands in the OpenAPI document', async (context) => {
    const { url } = await startTestGateway(context, { modelDepot: depot });
    const document = JSON.parse(await (await fetch(`${url}/openapi.json`)).text());
    assert.deepEqual(Object.keys(document.paths['/api/models/{id}']).sort(), ['delete', 'get']);
    assert.ok(document.paths['/api/models/{id}/pull'].post.responses['202']);
    assert.ok(document.components.schemas.StoredModel);
  });
});
