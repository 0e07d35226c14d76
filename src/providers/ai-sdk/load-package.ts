import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GatewayError } from '../../core/errors.ts';
import type { ModelFactory, TranscriptionModel } from './transcription-model.ts';

/** An npm package that makes transcription models, as the operator's settings name it. */
export interface PackageSource {
  /** `@ai-sdk/gladia`. */
  readonly name: string;
  /** Its export that makes a provider, `createGladia`; null: found by its name. */
  readonly factory: string | null;
  /** Folders from which it is looked for, as a module in each would; the first that has it counts. */
  readonly folders: readonly string[];
}

const knownSpecifications: ReadonlySet<string> = new Set(['v2', 'v3', 'v4']);

/**
 * Imports the operator's package. Rejects with GatewayError `no_model_installed`, whose message says what to do: the
 * package is not there, cannot be loaded, or has no such factory.
 */
export async function loadPackage(source: PackageSource): Promise<ModelFactory> {
  const file = fileOf(source);
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = await import(pathToFileURL(file).href);
  } catch (thrown) {
    throw unusable(`The package '${source.name}' cannot be loaded.`, thrown);
  }
  const create = factoryOf(exported, source);
  return (modelName, settings) => {
    let provider: unknown;
    try {
      provider = create(settings);
    } catch (thrown) {
      throw unusable(`The package '${source.name}' makes no provider out of its settings.`, thrown);
    }
    return modelOf(provider, modelName, source.name);
  };
}

function fileOf({ name, folders }: PackageSource): string {
  for (const folder of folders) {
    try {
      return createRequire(join(folder, 'package.json')).resolve(name);
    } catch (thrown) {
      // Only "not there" sends us on: a package that is there and exports nothing to us is a fault to show.
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'MODULE_NOT_FOUND')) {
        throw unusable(`The package '${name}' has no entry that can be imported.`, thrown);
      }
    }
  }
  throw unusable(`The package '${name}' is not installed. In the folder where fluxscribe runs: npm install ${name}`);
}

type Factory = (settings: object) => unknown;

/** The export that is named; otherwise `create…` with the package's own name at the end, or the only `create…` there is. */
function factoryOf(exported: Readonly<Record<string, unknown>>, { name, factory }: PackageSource): Factory {
  if (factory !== null) {
    const named = exported[factory];
    if (isFactory(named)) return named;
    throw unusable(`The package '${name}' exports no function '${factory}'.`);
  }
  const makers = Object.entries(exported).filter(([key, value]) => /^create[A-Z]/.test(key) && isFactory(value));
  const bare = name.slice(name.lastIndexOf('/') + 1).replaceAll(/[^a-z0-9]/gi, '');
  const own = makers.find(([key]) => key.toLowerCase() === `create${bare}`.toLowerCase());
  const [, found] = own ?? (makers.length === 1 ? makers[0]! : []);
  if (isFactory(found)) return found;
  const names = makers.map(([key]) => key).join(', ');
  throw unusable(
    makers.length === 0
      ? `The package '${name}' exports no function that makes a provider.`
      : `The package '${name}' exports several functions that make something: set 'factory' to one of ${names}.`,
  );
}

function isFactory(value: unknown): value is Factory {
  return typeof value === 'function';
}

/** v3 and v4 call it `transcriptionModel`; some packages have the short name alone. */
function modelOf(provider: unknown, modelName: string, packageName: string): TranscriptionModel {
  for (const key of ['transcriptionModel', 'transcription']) {
    const make = isObject(provider) ? Reflect.get(provider, key) : undefined;
    if (!isFunction(make)) continue;
    const model: unknown = Reflect.apply(make, provider, [modelName]);
    if (isModel(model)) return model;
    throw unusable(`The package '${packageName}' has models of a specification that is not known here.`);
  }
  throw unusable(`The package '${packageName}' has no transcription models.`);
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isModel(value: unknown): value is TranscriptionModel {
  return (
    isObject(value) &&
    'doGenerate' in value &&
    typeof value.doGenerate === 'function' &&
    'provider' in value &&
    typeof value.provider === 'string' &&
    'specificationVersion' in value &&
    typeof value.specificationVersion === 'string' &&
    knownSpecifications.has(value.specificationVersion)
  );
}

function unusable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('no_model_installed', message, { cause });
}
