import { z } from 'zod';
import type { Database } from './database.ts';

/** What a change of keys, accounts or plans is told as; nobody needs to know more than whose cached keys are old. */
export type KeyChange = { readonly key: string } | { readonly account: string } | { readonly plan: string };

/** The channel's name in the database. */
export const keyChannel = 'fluxscribe_keys';

type Hear = (change: KeyChange | null) => void;

/** Those in this process who hear at once, without the way over the database. */
const hearers = new WeakMap<Database, Set<Hear>>();

/** Call after the change is committed: everybody in this process has heard when it returns, other replicas within a second. */
export async function announceChange(database: Database, change: KeyChange): Promise<void> {
  for (const hear of hearers.get(database) ?? []) hear(change);
  try {
    await database.notify(keyChannel, JSON.stringify(change));
  } catch {
    // The change is made all the same; without this word other replicas see it when their copies are a second old.
  }
}

/** Hears null where something may have been missed. Resolves with the way to stop. */
export async function hearChanges(database: Database, hear: Hear): Promise<() => Promise<void>> {
  const set = hearers.get(database) ?? new Set();
  hearers.set(database, set.add(hear));
  const stop = await database.listen(keyChannel, (message) => hear(message === null ? null : parseChange(message)));
  return async () => {
    set.delete(hear);
    await stop();
  };
}

const changeSchema = z.union([
  z.object({ key: z.string() }),
  z.object({ account: z.string() }),
  z.object({ plan: z.string() }),
]);

/** null, which forgets everything, for what another version may say. */
function parseChange(message: string): KeyChange | null {
  try {
    return changeSchema.parse(JSON.parse(message));
  } catch {
    // No word of ours; forgetting costs a query for each key.
    return null;
  }
}
