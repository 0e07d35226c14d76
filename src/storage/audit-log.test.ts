import assert from 'node:assert/strict';
import { it } from 'node:test';
import { freePolicy } from '../../test/helpers/callers.ts';
import { describeDatabases } from '../../test/helpers/databases.ts';
import type { KeyPolicy } from '../auth/key-directory.ts';
import { createSecretBox } from '../auth/secret-box.ts';
import type { AuditEntry } from '../core/audit-entry.ts';
import { silentLog } from '../core/log.ts';
import { Secret } from '../core/secret.ts';
import { createAccountStore } from './account-store.ts';
import { createAuditLog } from './audit-log.ts';
import { openKeyDirectory } from './key-directory.ts';
import { createLedgerStore } from './ledger-store.ts';
import { createPlanStore } from './plan-store.ts';
import { createProviderKeyStore } from './provider-key-store.ts';

const policy: KeyPolicy = { ...freePolicy, scopes: ['transcribe', 'live'] };

const cannotBeWritten = () => {
  throw new Error('it cannot be written down');
};

describeDatabases('the audit log', (database) => {
  it('lets nothing happen that cannot be written down in the same commit', async () => {
    const accounts = createAccountStore(database());
    const plans = createPlanStore(database());
    const ledger = createLedgerStore(database());
    const keys = await openKeyDirectory(database(), silentLog);
    const vendorKeys = createProviderKeyStore(database(), createSecretBox([new Secret('0'.repeat(64))]));
    try {
      const { id } = await accounts.create({ name: 'Before', planId: 'payg' });
      const { record } = await keys.create(id, 'before', policy);
      const credit = { accountId: id, amountNanos: 5n, reference: null, memo: null };
      await ledger.grant(credit);
      await vendorKeys.put(id, 'openai', new Secret('sk-before-0000'), null);
      const plan = await plans.find('payg');
      assert.ok(plan);
      const { builtIn: _, ...copy } = { ...plan, id: 'never-made' };
      const acts: readonly (() => Promise<unknown>)[] = [
        () => accounts.create({ name: 'After', planId: 'payg' }, cannotBeWritten),
        () => accounts.update(id, { name: 'After' }, cannotBeWritten),
        () => plans.create(copy, cannotBeWritten),
        () => plans.update('payg', { name: 'After' }, cannotBeWritten),
        () => keys.create(id, 'after', policy, cannotBeWritten),
        () => keys.update(id, record.id, { name: 'after' }, cannotBeWritten),
        () => keys.revoke(id, record.id, cannotBeWritten),
        () => keys.mintToken(id, record.id, 60, cannotBeWritten),
        () => vendorKeys.put(id, 'openai', new Secret('sk-after-1111'), null, cannotBeWritten),
        () => vendorKeys.remove(id, 'openai', cannotBeWritten),
        () => ledger.topUp({ ...credit, feeBasisPoints: 500 }, cannotBeWritten),
        () => ledger.grant(credit, cannotBeWritten),
      ];
      for (const act of acts) await assert.rejects(act, /cannot be written down/);

      const page = { limit: 200, cursor: null };
      assert.ok(!(await accounts.list(page)).items.some((one) => one.name === 'After'));
      assert.equal(await plans.find('never-made'), null);
      assert.equal((await plans.find('payg'))?.name, plan.name);
      const [only, ...others] = (await keys.list(id, page)).items;
      assert.deepEqual([only?.name, only?.revokedAt, others.length], ['before', null, 0]);
      assert.deepEqual(
        (await vendorKeys.list(id)).map((one) => one.last4),
        ['0000'],
      );
      assert.equal((await ledger.wallet(id)).balanceNanos, 5n);
      const tokens = await database().db.selectFrom('browser_tokens').select('id').where('key_id', '=', record.id);
      assert.equal((await tokens.execute()).length, 0);
    } finally {
      await keys.close();
    }
  });

  it('writes an act down with what came of it', async () => {
    const accounts = createAccountStore(database());
    const ledger = createLedgerStore(database());
    const entry = (target: string | null, details: AuditEntry['details']): AuditEntry => ({
      actorKeyId: 'key_1',
      action: 'some.act',
      accountId: target,
      target,
      details,
      requestId: 'req_1',
    });
    const { id } = await accounts.create({ name: 'New', planId: 'payg' }, (made) => entry(made.id, {}));
    const credit = { accountId: id, amountNanos: 5n, reference: 'once', memo: null };
    for (const repeated of [false, true]) {
      const made = await ledger.grant(credit, (outcome) => entry(id, { repeated: outcome.repeated }));
      assert.equal(made.repeated, repeated);
    }
    const { items } = await createAuditLog(database()).list(id, { limit: 10, cursor: null });
    assert.deepEqual(
      items.map((one) => [one.target, one.details]),
      [
        [id, { repeated: true }],
        [id, { repeated: false }],
        [id, {}],
      ],
    );
  });
});
