import type { Config } from '../../config/load-config.ts';
import { reasonToKeep } from '../../models/keep-rules.ts';
import { exitCode } from '../exit-code.ts';
import { UsageError } from '../usage-error.ts';
import { artifactsNamed, type FullShelf, openShelf, print } from './open-shelf.ts';

/**
 * `models remove`: deletes models without asking. What a start needs, and what the default model would be without, is kept
 * unless `force` is set.
 */
export async function removeModels(
  config: Config,
  names: readonly string[],
  options: { readonly force?: boolean },
): Promise<number> {
  const shelf = await openShelf(config);
  const ids = [...new Set(names.flatMap((name) => artifactsNamed(shelf, name)).map((one) => one.id))];
  if (!options.force) await refuseWhatIsNeeded(shelf, config, ids);
  for (const id of ids) {
    const onWait = () => process.stderr.write('Waiting for another fluxscribe that is changing the model folder …\n');
    const removed = await shelf.store.remove(id, { onWait });
    print(removed ? `Removed: ${id}` : `Was not there: ${id}`);
  }
  return exitCode.ok;
}

async function refuseWhatIsNeeded(shelf: FullShelf, config: Config, ids: readonly string[]): Promise<void> {
  const { catalogue, store } = shelf;
  const states = await Promise.all(catalogue.artifacts.map((one) => store.isInstalled(one.id)));
  const installed = new Set(catalogue.artifacts.filter((_, index) => states[index]).map((one) => one.id));
  const reason = reasonToKeep(catalogue, config.defaultModel, installed, ids);
  if (reason !== null) throw new UsageError(`${reason} --force removes it all the same.`);
}
