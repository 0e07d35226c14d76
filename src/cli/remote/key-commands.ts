import type { Command } from 'commander';
import type { KeyOptions } from './account-keys.ts';
import { countOf, listed, orNone, type Run, remote } from './remote-options.ts';
import type { RemoteOptions } from './run-remote.ts';

/** `keys list`, `create`, `update`, `token` and `revoke`. */
export function addKeyCommands(keys: Command, run: Run): void {
  remote(
    keys.command('list').description("an account's keys, revoked ones included, newest first").argument('<account>'),
  ).action(async (id: string, options: RemoteOptions) => {
    const { listKeys } = await import('./account-keys.ts');
    await run(options, (client, asJson) => listKeys(client, id, asJson));
  });
  limited(
    keys
      .command('create')
      .description('a new key of an account; prints it, this once')
      .argument('<account>')
      .argument('<name>', 'by which people know it'),
  ).action(async (id: string, name: string, options: RemoteOptions & KeyOptions) => {
    const { createKey } = await import('./account-keys.ts');
    await run(options, (client, asJson) => createKey(client, id, name, options, asJson));
  });
  limited(
    keys
      .command('update')
      .description('change what a key may do, at once; what is left out stays as it is')
      .argument('<account>')
      .argument('<key-id>'),
  )
    .option('--name <name>', 'by which people know it')
    .option('--no-local-only', 'its recordings may go to vendors')
    .action(async (id: string, keyId: string, options: RemoteOptions & KeyOptions) => {
      const { changeKey } = await import('./account-keys.ts');
      await run(options, (client, asJson) => changeKey(client, id, keyId, options, asJson));
    });
  remote(
    keys
      .command('token')
      .description('a short-lived token of a key, with which a web page opens live sockets; prints it')
      .argument('<account>')
      .argument('<key-id>')
      .option('--ttl <seconds>', 'how long it opens them, at most 3600 (default: 60)', countOf),
  ).action(async (id: string, keyId: string, options: RemoteOptions & { ttl?: number }) => {
    const { createToken } = await import('./account-keys.ts');
    await run(options, (client, asJson) => createToken(client, id, keyId, options.ttl, asJson));
  });
  remote(
    keys.command('revoke').description('revoke a key for ever, at once').argument('<account>').argument('<key-id>'),
  ).action(async (id: string, keyId: string, options: RemoteOptions) => {
    const { revokeKey } = await import('./account-keys.ts');
    await run(options, (client) => revokeKey(client, id, keyId));
  });
}

/** What a key may do; nothing is the default of a new one and no change of an old one. */
function limited(command: Command): Command {
  const text = (given: string) => given;
  return remote(command)
    .option('--scopes <scopes>', 'of transcribe, live, jobs, admin (a new key: the first three)', listed)
    .option('--models <models>', 'only these models and aliases; none: all', orNone(listed))
    .option('--local-only', 'its recordings never leave for a vendor')
    .option('--budget <dollars>', 'most that it may cost in a month; none: no limit', orNone(text))
    .option('--max-price <dollars>', 'dearest minute; none: any', orNone(text))
    .option('--requests-per-minute <count>', "most requests in a minute; none: the plan's", orNone(countOf))
    .option('--audio-seconds-per-minute <count>', "most audio in a minute; none: the plan's", orNone(countOf))
    .option('--max-concurrent <count>', "most requests at one time; none: the plan's", orNone(countOf))
    .option('--expires <time>', 'such as 2027-01-01 or 2027-01-01T12:00:00Z; none: never', orNone(text));
}
