import type { Command } from 'commander';
import type { Config } from '../../config/load-config.ts';
import type { AdminClient } from './admin-client.ts';
import { addKeyCommands } from './key-commands.ts';
import { addPlanCommands } from './plan-commands.ts';
import { addProviderKeyCommands } from './provider-key-commands.ts';
import { type Run, remote } from './remote-options.ts';
import type { RemoteOptions } from './run-remote.ts';
import type { ReconcileOptions, UsageOptions } from './usage.ts';
import type { CreditOptions } from './wallets.ts';

/**
 * Commands that ask a running server, because the embedded database serves one process: `accounts`, `keys` beside
 * `reset-admin`, `provider-keys`, `plans`, `wallet`, `usage` and `audit`.
 */
export function addRemoteCommands(
  program: Command,
  keys: Command,
  settings: () => Config,
  finish: (code: number) => void,
): void {
  const run = async (options: RemoteOptions, work: (client: AdminClient, asJson: boolean) => Promise<void>) => {
    const { runRemote } = await import('./run-remote.ts');
    finish(await runRemote(options, settings, (client) => work(client, options.json ?? false)));
  };
  addAccountCommands(program.command('accounts').description('accounts of a running server'), run);
  addKeyCommands(keys, run);
  const wallet = program.command('wallet').description('what accounts of a running server have');
  addWalletCommands(wallet, run);
  addBookCommands(wallet, run);
  addProviderKeyCommands(
    program.command('provider-keys').description("accounts' own keys for vendors, on a running server"),
    run,
  );
  addPlanCommands(program.command('plans').description('what accounts of a running server may do'), run);
  addUsageCommand(program, run);
  remote(
    program
      .command('audit')
      .description('what administrators did on a running server, newest first')
      .option('--account <account>', 'to one account'),
  ).action(async (options: RemoteOptions & { account?: string }) => {
    const { listAudit } = await import('./audit.ts');
    await run(options, (client, asJson) => listAudit(client, options.account, asJson));
  });
}

function addAccountCommands(accounts: Command, run: Run): void {
  remote(accounts.command('list').description('all accounts, newest first')).action(async (options: RemoteOptions) => {
    const { listAccounts } = await import('./accounts.ts');
    await run(options, listAccounts);
  });
  remote(
    accounts
      .command('create')
      .description('a new account with an empty wallet; prints its id')
      .argument('<name>')
      .option('-p, --plan <plan>', 'such as free, payg (default) or unlimited'),
  ).action(async (name: string, options: RemoteOptions & { plan?: string }) => {
    const { createAccount } = await import('./accounts.ts');
    await run(options, (client, asJson) => createAccount(client, name, options.plan, asJson));
  });
  remote(accounts.command('show').description('one account and what it has').argument('<account>')).action(
    async (id: string, options: RemoteOptions) => {
      const { showAccount } = await import('./accounts.ts');
      await run(options, (client, asJson) => showAccount(client, id, asJson));
    },
  );
  remote(
    accounts.command('set-plan').description('give an account another plan').argument('<account>').argument('<plan>'),
  ).action(async (id: string, plan: string, options: RemoteOptions) => {
    const { changeAccount } = await import('./accounts.ts');
    await run(options, (client, asJson) => changeAccount(client, id, { plan }, asJson));
  });
  for (const [name, status, description] of [
    ['suspend', 'suspended', 'refuse all keys of an account, at once'],
    ['resume', 'active', 'let a suspended account work again'],
  ] as const) {
    remote(accounts.command(name).description(description).argument('<account>')).action(
      async (id: string, options: RemoteOptions) => {
        const { changeAccount } = await import('./accounts.ts');
        await run(options, (client, asJson) => changeAccount(client, id, { status }, asJson));
      },
    );
  }
}

function addWalletCommands(wallet: Command, run: Run): void {
  remote(wallet.command('show').description('what an account has and what is held').argument('<account>')).action(
    async (id: string, options: RemoteOptions) => {
      const { showWallet } = await import('./wallets.ts');
      await run(options, (client, asJson) => showWallet(client, id, asJson));
    },
  );
  for (const [name, kind, description] of [
    ['topup', 'topups', "credit what a customer paid for; the operator's fee comes on top of it"],
    ['grant', 'grants', "credit at the operator's cost"],
  ] as const) {
    remote(
      wallet
        .command(name)
        .description(description)
        .argument('<account>')
        .argument('<dollars>', 'such as 25 or 0.50')
        .option('--reference <text>', 'your own name for it, such as the payment: used twice, it credits once')
        .option('--memo <text>', 'for people'),
    ).action(async (id: string, amount: string, options: RemoteOptions & CreditOptions) => {
      const { creditWallet } = await import('./wallets.ts');
      await run(options, (client, asJson) => creditWallet(client, kind, id, amount, options, asJson));
    });
  }
}

function addBookCommands(wallet: Command, run: Run): void {
  remote(
    wallet
      .command('refund')
      .description('give back all that a request cost, once')
      .argument('<account>')
      .argument('<request-id>', 'as the reply had it in x-request-id')
      .option('--reason <text>', 'for people'),
  ).action(async (id: string, requestId: string, options: RemoteOptions & { reason?: string }) => {
    const { refundRequest } = await import('./wallets.ts');
    await run(options, (client, asJson) => refundRequest(client, id, requestId, options.reason, asJson));
  });
  remote(wallet.command('ledger').description("the wallet's entries, newest first").argument('<account>')).action(
    async (id: string, options: RemoteOptions) => {
      const { listLedger } = await import('./wallets.ts');
      await run(options, (client, asJson) => listLedger(client, id, asJson));
    },
  );
}

function addUsageCommand(program: Command, run: Run): void {
  const usage = program
    .command('usage')
    .description('what was asked of a running server, and what it cost')
    .option('-g, --group-by <groups>', 'of day, model, provider, key, account, status', 'day')
    .option('--account <account>', 'of one account')
    .option('--key-id <key-id>', 'of one key')
    .option('--model <model>', 'of one model or alias')
    .option('--provider <provider>', 'of one provider')
    .option('--csv', 'as a CSV file');
  remote(spanned(usage)).action(async (options: RemoteOptions & UsageOptions) => {
    const { showUsage } = await import('./usage.ts');
    await run(options, (client, asJson) => showUsage(client, options, asJson));
  });
  const reconcile = usage
    .command('reconcile')
    .description('billed seconds beside probed, decoded and vendor-reported ones, by provider and model')
    .option('--tolerance <seconds>', 'lengths that are no further apart agree (default: 1)');
  remote(spanned(reconcile)).action(async (_own: object, command: Command) => {
    const { reconcileUsage } = await import('./usage.ts');
    // An option that both have may stand before or after the word.
    const options: RemoteOptions & ReconcileOptions = command.optsWithGlobals();
    await run(options, (client, asJson) => reconcileUsage(client, options, asJson));
  });
}

function spanned(command: Command): Command {
  return command
    .option('--from <time>', 'a day such as 2026-11-01, or a time (default: 30 days before the end)')
    .option('--to <time>', 'first moment that counts no more (default: now)');
}
