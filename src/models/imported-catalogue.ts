import type { Catalogue, CatalogueModel } from '../catalogue/catalogue.ts';
import type { ImportedModel } from './imported-models.ts';

/**
 * A catalogue with the imported models of a store in it, as `local/<name>`, after those that it has itself, which win
 * where names are the same.
 */
export function withImportedModels(catalogue: Catalogue, imported: readonly ImportedModel[]): Catalogue {
  const known = new Set([...catalogue.models, ...catalogue.aliases].map((one) => one.id));
  const artifactIds = new Set(catalogue.artifacts.map((one) => one.id));
  const fresh = imported.filter((one) => !artifactIds.has(one.id) && !known.has(`local/${one.id}`));
  if (fresh.length === 0) return catalogue;
  return {
    ...catalogue,
    models: [...catalogue.models, ...fresh.map(entryOf)],
    artifacts: [...catalogue.artifacts, ...fresh.map((one) => one.artifact)],
  };
}

function entryOf({ id, loader, languages, translate }: ImportedModel): CatalogueModel {
  // SenseVoice tells nothing of how sure it is.
  const sure = loader !== 'sherpa-sense-voice';
  return {
    id: `local/${id}`,
    name: id,
    description: 'Imported by the operator.',
    features: [
      'transcribe',
      ...(translate ? (['translate'] as const) : []),
      'stream',
      'word-times',
      'segment-times',
      ...(sure ? (['logprobs'] as const) : []),
    ],
    languages: [...languages],
    // As the models of our own catalogue.
    price: { per_minute_usd: '0.10', minimum_seconds: 10 },
    artifact: id,
    fallbacks: [],
  };
}
