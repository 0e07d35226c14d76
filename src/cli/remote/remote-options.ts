import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../usage-error.ts';
import type { AdminClient } from './admin-client.ts';
import type { RemoteOptions } from './run-remote.ts';

/** Does the work of a command against the server that its options name. */
export type Run = (
  options: RemoteOptions,
  work: (client: AdminClient, asJson: boolean) => Promise<void>,
) => Promise<void>;

/** Where the server is and who asks. */
export function remote(command: Command): Command {
  return command
    .addOption(
      new Option('-u, --url <address>', "the server (default: this machine, on the settings' port)").env(
        'FLUXSCRIBE_URL',
      ),
    )
    .addOption(
      new Option('-k, --key <key>', "with the scope admin (default: the settings' admin key)").env('FLUXSCRIBE_KEY'),
    )
    .option('--json', 'as JSON, one object a line');
}

/** `a, b` as a list. */
export function listed(text: string): string[] {
  return text.split(',').map((one) => one.trim());
}

/** Rejects what is no whole number from 1. */
export function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return count;
}

/** `none`, which takes a limit away, or what `read` makes of it; commander takes null for an option without a value. */
export function orNone<Value>(read: (text: string) => Value): (text: string) => Value | 'none' {
  return (text) => {
    if (text === '') throw new InvalidArgumentError('It must not be empty.');
    return text === 'none' ? text : read(text);
  };
}

/** Throws UsageError for a change that changes nothing; `example`: options that would. */
export function requireChange<Change extends object>(change: Change, example: string): Change {
  if (Object.values(change).every((value) => value === undefined)) {
    throw new UsageError(`Say what to change, such as ${example}; --help has the list.`);
  }
  return change;
}

/** As the admin API has it: null takes a limit away, undefined leaves it as it is. */
export function limitOf<Value>(value: Value | 'none' | undefined): Value | null | undefined {
  return value === 'none' ? null : value;
}
