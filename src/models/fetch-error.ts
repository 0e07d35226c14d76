import { join } from 'node:path';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { GatewayError } from '../core/errors.ts';

/** A model that could not be had; the message lists every source with its reason, and the way to do it by hand. */
export class ModelFetchError extends GatewayError {
  constructor(message: string) {
    super('no_model_installed', message);
    this.name = 'ModelFetchError';
  }
}

/** `failures` are those of the first missing file, in the order in which its sources were tried. */
export function fetchError(
  dir: string,
  artifact: CatalogueArtifact,
  missing: readonly CatalogueFile[],
  failures: readonly string[],
): ModelFetchError {
  const tried =
    failures.length > 0 ? failures.map((one, index) => `  ${index + 1}. ${one}`) : ['  nothing: no source is known'];
  const byHand = missing.map((file) => `  ${join(dir, artifact.id, file.name)} (${describe(file)})`);
  return new ModelFetchError(
    [
      `The model files of '${artifact.id}' could not be fetched. Tried, in this order:`,
      ...tried,
      'To do it by hand, put these files in place:',
      ...byHand,
      `or set FLUXSCRIBE_MODEL_MIRROR to a folder or an http(s) address that has them under ${artifact.id}/.`,
      ...importHint(artifact),
    ].join('\n'),
  );
}

function describe(file: CatalogueFile): string {
  const size = file.size_bytes === undefined ? 'size not known here' : `${file.size_bytes} bytes`;
  return `${size}, ${file.sha256 === undefined ? 'sum recorded on first sight' : `sha256 ${file.sha256}`}`;
}

function importHint(artifact: CatalogueArtifact): readonly string[] {
  if (artifact.builds.length === 0) return [];
  const [build] = artifact.builds;
  const names = build?.inputs.map((input) => input.name).join(', ') ?? '';
  return [`A CTranslate2 folder of it (${names}) can be taken in with: fluxscribe models import FOLDER --name NAME`];
}
