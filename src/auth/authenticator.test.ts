import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthenticator, presentedKey } from './authenticator.ts';
import { hashKey, type KeyStore, sameHash } from './key-store.ts';
import { mayUseModel, type Principal } from './principal.ts';

const principal: Principal = { keyId: 'key_1', scopes: ['transcribe'], allowedModels: null };

function storeOf(key: string): KeyStore & { looked: string[] } {
  const looked: string[] = [];
  return {
    looked,
    async findByHash(hash) {
      looked.push(hash);
      return sameHash(hash, hashKey(key)) ? principal : null;
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
    for (const headers of forms) assert.equal(await auth.authenticate({ headers, url: '/' }), principal);
    const upgrade = { headers: { upgrade: 'websocket' }, url: '/v1/realtime?model=x&api_key=sk-good' };
    assert.equal(await auth.authenticate(upgrade), principal);
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

describe('principal', () => {
  it('may use every model, or only those in its list', () => {
    assert.equal(mayUseModel(principal, 'flux-voice'), true);
    const bounded = { ...principal, allowedModels: ['flux-voice-fast'] };
    assert.equal(mayUseModel(bounded, 'flux-voice'), false);
    assert.equal(mayUseModel(bounded, 'flux-voice-fast'), true);
  });
});
