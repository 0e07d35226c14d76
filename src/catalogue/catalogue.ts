import { z } from 'zod';
import { artifactSchema } from './artifact.ts';
import { priceSchema } from './price.ts';

export {
  type ArtifactLoader,
  bytesOf,
  type CatalogueArtifact,
  type CatalogueBuild,
  type CatalogueFile,
  type CataloguePlace,
  type CatalogueSource,
} from './artifact.ts';

/**
 * The catalogue: every model and alias that fluxscribe knows, read from YAML (ours in `catalogue/catalogue.yaml`,
 * an operator's file over it). It says what exists and what it costs; what is installed or healthy is found at run time.
 */

const features = [
  'transcribe',
  'translate',
  'live',
  'stream',
  'word-times',
  'segment-times',
  'logprobs',
  'diarize',
  'prompt',
  'temperature',
] as const;

/** Endings of the files that callers send, as the APIs that we speak name them. */
export const audioFormats = ['flac', 'mp3', 'mp4', 'mpeg', 'mpga', 'm4a', 'ogg', 'wav', 'webm'] as const;

/** For models of other providers: who serves it, and under which name. */
const upstream = z.strictObject({
  /** Id of a provider: a vendor of docs/guides/providers.md, or one of the operator's own. */
  provider: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** As the provider writes it. */
  name: z.string().min(1),
  /** A model whose abilities it shares, where the name (an Azure deployment's) does not tell. */
  like: z.string().optional(),
  /** Also offered as this name and a date, `-2025-12-15`, which goes to the provider as it is. */
  snapshots: z.boolean().default(false),
  /** Ceilings of one call; left out: none that is known. */
  max_upload_bytes: z.number().int().positive().optional(),
  max_seconds: z.number().positive().optional(),
  /** Calls that it takes at one time, for recordings that are cut into pieces; left out: 4. */
  max_parallel: z.number().int().min(1).max(64).default(4),
  /** Kinds of files that it takes, by their usual endings; left out: all that we take. */
  formats: z.array(z.enum(audioFormats)).min(1).optional(),
});

const model = z.strictObject({
  /** Full name as callers write it; the part before the slash is the provider. */
  id: z.string().regex(/^[a-z0-9-]+\/[A-Za-z0-9._-]+$/),
  name: z.string(),
  description: z.string().default(''),
  /** The day it was published, `2024-10-21`: shown as `created`. */
  released: z.iso.date().optional(),
  features: z.array(z.enum(features)),
  /** ISO-639-1 codes, or `*`. */
  languages: z.array(z.string()).min(1),
  price: priceSchema,
  /** For `local/…`: the artifact that holds its files. */
  artifact: z.string().optional(),
  /** For `local/…` instead of `artifact`: an English model and one of many languages that share the work. */
  duo: z
    .strictObject({
      /** `fast`: the English model for English; `auto`: the other too where that is unsure; `accurate`: always both. */
      mode: z.enum(['fast', 'auto', 'accurate']),
      english: z.string(),
      general: z.string(),
    })
    .optional(),
  /** For every model but `local/…`. */
  upstream: upstream.optional(),
  /** Ids of the models that are tried after it, in this order, when a caller names it and it fails or cannot. */
  fallbacks: z.array(z.string()).max(20).default([]),
});

/** A cheap model whose answer is kept where it is sure of itself. */
const opening = z.strictObject({
  /** Model ids in order of preference: the first that can is taken. They have to tell how sure they are. */
  models: z.array(z.string()).min(1),
  /** 0..1: mean word confidence from which its answer stands. */
  keep_above_confidence: z.number().min(0).max(1),
});

const alias = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]+$/),
  name: z.string(),
  description: z.string().default(''),
  released: z.iso.date().optional(),
  /** Model ids in order of preference. */
  models: z.array(z.string()).min(1),
  /** Vendors' bare names that it answers for where nobody who has them is switched on. */
  stands_in_for: z
    .array(z.string().regex(/^[A-Za-z0-9._-]+$/))
    .max(100)
    .default([]),
  /** A cheap first pass before them. */
  opening: opening.optional(),
  price: priceSchema,
});

/** One entry's fields hold on their own; whether entries fit each other is checked by `loadCatalogue`. */
export const catalogueSchema = z.strictObject({
  models: z.array(model).default([]),
  aliases: z.array(alias).default([]),
  artifacts: z.array(artifactSchema).default([]),
});

export type Catalogue = z.infer<typeof catalogueSchema>;
export type CatalogueModel = Catalogue['models'][number];
export type CatalogueAlias = Catalogue['aliases'][number];
export type CatalogueUpstream = z.infer<typeof upstream>;
export type CataloguePrice = z.infer<typeof priceSchema>;

/** The artifacts that must be installed for a `local/…` model; none for a model of another provider. */
export function artifactsOf(model: CatalogueModel): readonly string[] {
  if (model.duo) return [model.duo.english, model.duo.general];
  return model.artifact === undefined ? [] : [model.artifact];
}
