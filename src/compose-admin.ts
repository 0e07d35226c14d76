import type { Accounts } from './compose-accounts.ts';
import { watchProviders } from './compose-provider-status.ts';
import type { Transcriber } from './compose-transcriber.ts';
import type { Config } from './config/load-config.ts';
import { GatewayError } from './core/errors.ts';
import type { AdminParts, TestProviderKey } from './http/admin-parts.ts';

export interface AdminSources {
  readonly config: Pick<Config, 'wallet' | 'providers'>;
  readonly accounts: Accounts;
  readonly transcriber: Pick<Transcriber, 'models' | 'health' | 'routing'>;
  /** Left out: vendor keys are kept and used, and not tested. */
  readonly testProviderKey?: TestProviderKey;
}

/** What the admin API stands on. */
export function createAdminParts({
  config,
  accounts,
  transcriber,
  testProviderKey = cannotTest,
}: AdminSources): AdminParts {
  const { models, health, routing } = transcriber;
  return {
    accounts: accounts.accounts,
    plans: accounts.plans,
    keys: accounts.keys,
    providerKeys: accounts.providerKeys,
    audit: accounts.audit,
    ledger: accounts.ledger,
    usage: accounts.usage,
    topUpFeeBasisPoints: Math.round(config.wallet.topUpFeePercent * 100),
    testProviderKey,
    // The operator need not have switched a vendor on for an account to bring a key of its own.
    takesKeysFor: (provider) =>
      config.providers.some((one) => one.id === provider) ||
      models().catalogue.models.some((model) => model.upstream?.provider === provider),
    providers: watchProviders({ models, health, routing, embeddedId: 'local' }),
  };
}

const cannotTest: TestProviderKey = async () => {
  throw new GatewayError('unsupported_value', 'This server cannot test vendor keys.', { param: 'provider' });
};
