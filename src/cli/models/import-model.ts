import { basename, resolve } from 'node:path';
import type { Config } from '../../config/load-config.ts';
import { GatewayError } from '../../core/errors.ts';
import { exitCode } from '../exit-code.ts';
import { createDisplay } from '../fetch-models.ts';
import { UsageError } from '../usage-error.ts';
import { openShelf, print } from './open-shelf.ts';

export interface ImportOptions {
  readonly name?: string;
  /** Comma-separated, in any spelling. */
  readonly languages?: string;
}

/** `models import`: takes a model folder that somebody has into the store. */
export async function importModelFolder(config: Config, folder: string, options: ImportOptions): Promise<number> {
  const shelf = await openShelf(config);
  const { nameFromFolder } = await import('../../models/import-model.ts');
  const path = resolve(folder);
  const name = options.name ?? nameFromFolder(basename(path));
  const languages = options.languages?.split(',').map((one) => one.trim()) ?? null;
  if (languages) await requireKnown(languages);
  const display = createDisplay(name);
  try {
    const manifest = await shelf.store.importFolder(
      {
        ...{ folder: path, name, languages },
        onProgress: (fraction) => display.show(progressOf(name, fraction)),
      },
      { onWait: () => display.note('Waiting for another fluxscribe that is changing the model folder …') },
    );
    display.end();
    print(
      `Imported: ${name} (${manifest.languages.length > 3 ? `${manifest.languages.length} languages` : manifest.languages.join(', ')})`,
    );
    print(`Ask for it as model=local/${name}; a server that runs already has to be restarted first.`);
    return exitCode.ok;
  } catch (thrown) {
    display.end();
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (thrown.param === 'name') throw new UsageError(`${thrown.message} (--name NAME)`);
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
}

async function requireKnown(languages: readonly string[]): Promise<void> {
  const { toLanguageCode } = await import('../../core/language.ts');
  const unknown = languages.find((one) => toLanguageCode(one) === null);
  if (unknown !== undefined) throw new UsageError(`'${unknown}' is no language that is known here.`);
}

/** In thousandths: how many bytes there will be is not known to the one that imports. */
function progressOf(name: string, fraction: number) {
  return {
    artifactId: name,
    phase: 'import',
    from: '',
    doneBytes: Math.round(fraction * 1000),
    totalBytes: 1000,
  } as const;
}
