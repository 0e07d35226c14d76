import type { Command } from 'commander';
import { type Run, remote } from './remote-options.ts';
import type { RemoteOptions } from './run-remote.ts';

/** `provider-keys list`, `set`, `test` and `remove`. */
export function addProviderKeyCommands(keys: Command, run: Run): void {
  remote(
    keys.command('list').description('for which vendors an account has keys of its own').argument('<account>'),
  ).action(async (id: string, options: RemoteOptions) => {
    const { listProviderKeys } = await import('./provider-keys.ts');
    await run(options, (client, asJson) => listProviderKeys(client, id, asJson));
  });
  remote(
    keys
      .command('set')
      .description("set or replace an account's key for a vendor, read from standard input")
      .argument('<account>')
      .argument('<provider>', 'such as openai')
      .option('--base-url <address>', "the vendor's address, where it is another than the usual one"),
  ).action(async (id: string, provider: string, options: RemoteOptions & { baseUrl?: string }) => {
    const { setProviderKey } = await import('./provider-keys.ts');
    await run(options, (client, asJson) => setProviderKey(client, id, provider, options.baseUrl, asJson));
  });
  remote(
    keys
      .command('test')
      .description('ask the vendor whether the key works; ends with 1 where it does not')
      .argument('<account>')
      .argument('<provider>'),
  ).action(async (id: string, provider: string, options: RemoteOptions) => {
    const { testProviderKey } = await import('./provider-keys.ts');
    await run(options, (client, asJson) => testProviderKey(client, id, provider, asJson));
  });
  remote(keys.command('remove').description('forget a key').argument('<account>').argument('<provider>')).action(
    async (id: string, provider: string, options: RemoteOptions) => {
      const { removeProviderKey } = await import('./provider-keys.ts');
      await run(options, (client) => removeProviderKey(client, id, provider));
    },
  );
}
