import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { KeyPolicy } from '../../src/auth/key-directory.ts';
import { silentLog } from '../../src/core/log.ts';
import { createAccountStore } from '../../src/storage/account-store.ts';
import type { Database } from '../../src/storage/database.ts';
import { openKeyDirectory } from '../../src/storage/key-directory.ts';
import { freePolicy } from '../helpers/callers.ts';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';
import { type ServerProcess, startServer, until } from '../helpers/start-server.ts';

const redisUrl = process.env.FLUXSCRIBE_TEST_REDIS_URL || null;
const missing = [
  ...(testedKinds.includes('postgres') ? [] : ['FLUXSCRIBE_TEST_DATABASE_URL']),
  ...(redisUrl === null ? ['FLUXSCRIBE_TEST_REDIS_URL'] : []),
];
const skip = missing.length > 0 && `${missing.join(' and ')} not set`;
const uploadsMetric = 'fluxscribe_uploads_in_progress';
const clip = readFileSync(new URL('../../examples/hello.wav', import.meta.url));

describe('two servers on one Redis', { skip, timeout: 300_000 }, () => {
  let test: TestDatabase;
  let database: Database;
  let servers: [ServerProcess, ServerProcess];
  let isKilled = false;
  before(async () => {
    test = await makeTestDatabase('postgres');
    database = await test.open();
    const env = {
      DATABASE_URL: test.options.url ?? '',
      REDIS_URL: redisUrl ?? '',
      FLUXSCRIBE_REDIS_KEY_PREFIX: `test-${randomBytes(6).toString('hex')}:`,
      FLUXSCRIBE_ENGINE_WORKERS: '1',
    };
    servers = await Promise.all([startServer(env), startServer(env)]);
  });
  after(async () => {
    await servers?.[0].stop();
    if (isKilled) await rm(servers[1].dataDir, { recursive: true, force: true });
    else await servers?.[1].stop();
    await database?.close();
    await test?.remove();
  });

  const newKey = async (policy: Partial<KeyPolicy>) => {
    const { id } = await createAccountStore(database).create({ name: 'Crowd', planId: 'unlimited' });
    const keys = await openKeyDirectory(database, silentLog);
    const { key } = await keys.create(id, 'crowd', { ...freePolicy, ...policy });
    await keys.close();
    return key;
  };
  const transcribe = async (server: ServerProcess, key: string) => {
    const form = new FormData();
    form.set('file', new Blob([clip]), 'clip.wav');
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
    await response.arrayBuffer();
    return response;
  };

  it('let no more requests through than one of them would', async () => {
    const key = await newKey({ requestsPerMinute: 20 });
    const startedAt = performance.now();
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) => transcribe(servers[index % 2 === 0 ? 0 : 1], key)),
    );
    // One more drains every three seconds, however long the machine takes over it.
    const drained = Math.ceil((performance.now() - startedAt) / 3_000);
    const served = responses.filter(({ status }) => status === 200).length;
    assert.ok(served >= 20 && served <= 20 + drained, `${served} served, ${drained} could have drained`);
    for (const { status, headers } of responses) {
      assert.ok(status === 200 || status === 429, String(status));
      assert.equal(headers.get('x-ratelimit-limit-requests'), '20');
      if (status === 429) assert.match(headers.get('retry-after') ?? '', /^[123]$/);
    }
  });

  it('free the places of one of them that is killed', async () => {
    const key = await newKey({ maxConcurrent: 1 });
    const [living, dying] = servers;
    // Let in by its headers, and never sent.
    const held = request(`${dying.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'multipart/form-data; boundary=b',
        'content-length': 999,
      },
    });
    held.on('error', () => {});
    held.write('--b\r\n');
    await until('it is let in', 30_000, async () => (await dying.metric(uploadsMetric)) === 1);
    assert.equal((await transcribe(living, key)).status, 429);
    dying.signalGroup('SIGKILL');
    isKilled = true;
    await dying.exited;
    assert.equal((await transcribe(living, key)).status, 429);
    await until('the lease has ended', 45_000, async () => (await transcribe(living, key)).status === 200);
  });
});
