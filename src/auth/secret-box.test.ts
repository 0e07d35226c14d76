import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Secret } from '../core/secret.ts';
import { createSecretBox, type SecretBox } from './secret-box.ts';

const place = { accountId: 'acc_1', provider: 'openai' };

function boxOf(...keys: string[]): SecretBox {
  const box = createSecretBox(keys.map((key) => new Secret(key)));
  assert.ok(box);
  return box;
}

describe('secret', () => {
  it('is shown nowhere: not printed, logged, in JSON or in a template', () => {
    const secret = new Secret('sk-abcdefghijkl');
    const shown = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
      String([secret]),
    ];
    for (const text of shown) assert.doesNotMatch(text, /abcd/);
    assert.equal(secret.reveal(), 'sk-abcdefghijkl');
    assert.equal(secret.last4(), 'ijkl');
    assert.equal(new Secret('short').last4(), '');
  });
});

describe('secret box', () => {
  it('opens what it sealed, whatever it was, and never seals it the same way twice', () => {
    const box = boxOf('a master key of thirty-two bytes');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [one, two] = [box.seal(new Secret(text), place), box.seal(new Secret(text), place)];
        assert.equal(box.open(one, place).reveal(), text);
        assert.notDeepEqual(one.sealed, two.sealed);
      }),
    );
  });

  it('opens nothing for another account or provider, and nothing that was changed', () => {
    const box = boxOf('one');
    const { sealed, masterKeyId } = box.seal(new Secret('sk-x'), place);
    for (const other of [
      { ...place, accountId: 'acc_2' },
      { ...place, provider: 'groq' },
    ]) {
      assert.throws(() => box.open({ sealed, masterKeyId }, other), { code: 'server_error' });
    }
    for (let index = 0; index < sealed.length; index++) {
      const changed = Uint8Array.from(sealed);
      changed[index]! ^= 1;
      assert.throws(() => box.open({ sealed: changed, masterKeyId }, place), { code: 'server_error' });
    }
    assert.throws(() => box.open({ sealed: sealed.subarray(0, 5), masterKeyId }, place), { code: 'server_error' });
  });

  it('opens what an older master key sealed, and seals under the first', () => {
    const old = boxOf('old');
    const sealed = old.seal(new Secret('sk-x'), place);
    const rotated = boxOf('new', 'old');
    assert.equal(rotated.open(sealed, place).reveal(), 'sk-x');
    const again = rotated.seal(rotated.open(sealed, place), place);
    assert.equal(again.masterKeyId, rotated.currentKeyId);
    assert.notEqual(again.masterKeyId, sealed.masterKeyId);
    assert.throws(() => old.open(again, place), { code: 'server_error' });
  });

  it('is not there without a master key', () => {
    assert.equal(createSecretBox([]), null);
  });
});
