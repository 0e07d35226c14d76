import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callerOf, unlimitedPlan } from '../../test/helpers/callers.ts';
import { accessOf, mayUseModel } from './access.ts';
import { createAuthenticator, presentedKey } from './authenticator.ts';
import { hashKey, type KeyStore, sameHash } from './key-store.ts';

const caller = callerOf('key_1');

function storeOf(key: string): KeyStore & { looked: string[] } {
  const looked: string[] = [];
  return {
    looked,
    async findByHash(hash) {
      looked.push(hash);
      return sameHash(hash, hashKey(key)) ? caller : null;
    },
  };
}

describe('authenticator', () => {
  it('takes the key in every form that clients of speech gateways send', async () => {
    const auth = createAuthenticator(storeOf('sk-good'));
    const forms = [
      { authorization: 'Bearer sk-good' },
      { authorization: 'bearer   sk-good' },
      { authorization: 'Token sk-good' },
      { authorization: 'sk-good' },
      { authorization: ' sk-good ' },
      { 'x-api-key': 'sk-good' },
      { 'api-key': 'sk-good' },
    ];
    for (const headers of forms) assert.equal(await auth.authenticate({ headers, url: '/' }), caller);
    const upgrade = { headers: { upgrade: 'websocket' }, url: '/v1/realtime?model=x&api_key=sk-good' };
    assert.equal(await auth.authenticate(upgrade), caller);
  });

  it('takes a key from the query on WebSocket upgrades alone', async () => {
    const auth = createAuthenticator(storeOf('sk-good'));
    await assert.rejects(auth.authenticate({ headers: {}, url: '/v1/models?api_key=sk-good' }), {
      code: 'invalid_api_key',
    });
  });

  it('refuses missing, empty, unknown and enormous keys', async () => {
    const store = storeOf('sk-good');
    const auth = createAuthenticator(store);
    const forms = [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer ' }];
    for (const headers of [...forms, { authorization: 'Bearer no' }, { authorization: 'x'.repeat(600) }]) {
      await assert.rejects(auth.authenticate({ headers, url: '/' }), { code: 'invalid_api_key', status: 401 });
    }
    assert.equal(store.looked.length, 1, 'only the plausible key is looked up');
  });

  it('refuses every key of a suspended account with 403', async () => {
    const account = { id: 'acc_1', status: 'suspended' } as const;
    const auth = createAuthenticator({ findByHash: async () => ({ ...caller, account }) });
    await assert.rejects(auth.authenticate({ headers: { 'x-api-key': 'sk-good' }, url: '/' }), {
      code: 'account_suspended',
      status: 403,
    });
  });

  it('never repeats the key in its message', async () => {
    const auth = createAuthenticator(storeOf('sk-good'));
    await assert.rejects(
      auth.authenticate({ headers: { authorization: 'Bearer sk-secret-typo' }, url: '/' }),
      (error: Error) => !error.message.includes('sk-secret'),
    );
  });

  it('asks the store by hash, never by key', async () => {
    const store = storeOf('sk-good');
    await createAuthenticator(store).authenticate({ headers: { authorization: 'Bearer sk-good' }, url: '/' });
    assert.match(store.looked[0]!, /^[0-9a-f]{64}$/);
  });

  it('prefers the Authorization header', () => {
    assert.equal(presentedKey({ headers: { authorization: 'Bearer a', 'x-api-key': 'b' }, url: '/' }), 'a');
  });
});

describe('what a key allows', () => {
  it('is every model, or those that both its list and its plan have', () => {
    assert.equal(mayUseModel(caller, 'flux-voice'), true);
    const bounded = callerOf('key_2', { allowedModels: ['flux-voice-fast', 'openai/whisper-1'] });
    assert.equal(mayUseModel(bounded, 'flux-voice'), false);
    assert.equal(mayUseModel(bounded, 'flux-voice-fast'), true);
    const plan = { ...unlimitedPlan, allowedModels: ['flux-voice', 'flux-voice-fast'] };
    assert.equal(mayUseModel({ ...bounded, plan }, 'openai/whisper-1'), false);
    assert.deepEqual(accessOf({ ...bounded, plan }).allowedModels, ['flux-voice-fast']);
    assert.deepEqual(accessOf({ ...caller, plan }).allowedModels, plan.allowedModels);
    assert.equal(accessOf(caller).allowedModels, null);
  });
});
