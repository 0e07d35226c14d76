import { GatewayError } from '../../src/core/errors.ts';
import type { AdminParts } from '../../src/http/admin-parts.ts';

const nothing = () => Promise.reject(new GatewayError('service_unavailable', 'Nothing is served here.'));

/** Accounts for an app that is only described. */
export const noAccounts: AdminParts = {
  accounts: { create: nothing, find: nothing, list: nothing, update: nothing },
  plans: { list: nothing, find: nothing, create: nothing, update: nothing },
  keys: {
    findByHash: nothing,
    create: nothing,
    list: nothing,
    find: nothing,
    findCaller: nothing,
    update: nothing,
    revoke: nothing,
    mintToken: nothing,
    pruneTokens: nothing,
    close: nothing,
  },
  providerKeys: { put: nothing, list: nothing, open: nothing, setStatus: nothing, remove: nothing, reseal: nothing },
  audit: { write: nothing, list: nothing },
  ledger: { topUp: nothing, grant: nothing, refund: nothing, wallet: nothing, entries: nothing, budget: nothing },
  usage: { list: nothing, find: nothing, sum: nothing, reconcile: nothing },
  topUpFeeBasisPoints: 0,
  testProviderKey: nothing,
  takesKeysFor: () => false,
  providers: () => [],
};
