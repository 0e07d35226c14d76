import { bytesOf, type CatalogueArtifact } from '../../catalogue/catalogue.ts';
import type { Config } from '../../config/load-config.ts';
import { exitCode } from '../exit-code.ts';
import { type FullShelf, megabytes, openShelf, print } from './open-shelf.ts';

interface Row {
  /** Artifact id: what `pull`, `info` and `remove` take. */
  readonly id: string;
  readonly kind: string;
  readonly state: 'installed' | 'imported' | 'not installed' | 'damaged';
  readonly sizeBytes: number | null;
  /** Names under which callers ask for it. */
  readonly models: readonly string[];
  readonly languages: readonly string[];
  readonly licence: string;
}

/** `models list`: one line for each model and helper that can be installed or was imported. */
export async function listModels(config: Config, options: { readonly json?: boolean }): Promise<number> {
  const shelf = await openShelf(config);
  const rows = await Promise.all(shelf.catalogue.artifacts.map((artifact) => rowOf(shelf, artifact)));
  if (options.json) {
    print(JSON.stringify(rows, null, 2));
    return exitCode.ok;
  }
  const cells = rows.map((row) => [
    row.id,
    row.kind,
    row.state,
    megabytes(row.sizeBytes),
    row.languages.length > 3 ? `${row.languages.length} languages` : row.languages.join(', '),
    row.licence,
  ]);
  const heads = ['MODEL', 'KIND', 'STATE', 'SIZE', 'LANGUAGES', 'LICENCE'];
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of [heads, ...cells]) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
  return exitCode.ok;
}

async function rowOf(shelf: FullShelf, artifact: CatalogueArtifact): Promise<Row> {
  const models = shelf.catalogue.models.filter((model) => model.artifact === artifact.id);
  return {
    id: artifact.id,
    kind: artifact.kind,
    state: await stateOf(shelf, artifact),
    sizeBytes: bytesOf(artifact),
    models: models.map((model) => model.id),
    languages: [...new Set(models.flatMap((model) => model.languages))],
    licence: artifact.licence,
  };
}

async function stateOf({ store, imported }: FullShelf, { id }: CatalogueArtifact): Promise<Row['state']> {
  const installed = await store.isInstalled(id);
  if (imported.has(id)) return installed ? 'imported' : 'damaged';
  return installed ? 'installed' : 'not installed';
}
