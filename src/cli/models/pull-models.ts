import type { Config } from '../../config/load-config.ts';
import { ModelFetchError } from '../../models/fetch-error.ts';
import { exitCode } from '../exit-code.ts';
import { fetchModels } from '../fetch-models.ts';
import { artifactsNamed, openShelf, print } from './open-shelf.ts';

/** `models pull`: makes models installed, with the helpers that the engine needs for every one. */
export async function pullModels(config: Config, names: readonly string[]): Promise<number> {
  const shelf = await openShelf(config);
  const wanted = names.flatMap((name) => artifactsNamed(shelf, name)).filter((one) => !shelf.imported.has(one.id));
  const helpers = shelf.catalogue.artifacts.filter((one) => one.default && one.kind !== 'recogniser');
  const artifacts = names.length > 0 ? [...helpers, ...wanted] : shelf.defaultArtifacts;
  const ids = [...new Set(artifacts.map((one) => one.id))];
  let failures = 0;
  for (const id of ids) {
    try {
      await fetchModels(shelf, [id]);
    } catch (thrown) {
      if (!(thrown instanceof ModelFetchError)) throw thrown;
      process.stderr.write(`${thrown.message}\n`);
      failures += 1;
    }
  }
  if (failures > 0) return exitCode.failed;
  print(`Installed: ${ids.join(', ')}`);
  return exitCode.ok;
}
