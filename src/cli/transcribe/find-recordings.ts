import { glob, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { UsageError } from '../usage-error.ts';

/** A file to transcribe. */
export interface Recording {
  /** As a person would write it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Path under the folder that was named, for the same layout in `--out`; the bare file name otherwise. */
  readonly place: string;
  readonly sizeBytes: number;
}

/** In a folder, other files are not meant; a file that is named is taken whatever it is called. */
const audioName = /\.(flac|mp3|mp4|mpeg|mpga|m4a|m4b|ogg|oga|opus|wav|webm|weba|mka|mkv|mov|aac|mp2|3gp)$/i;

/**
 * Files, folders and globs as recordings, in the order given and by name within each; a file named twice is taken once.
 * Throws UsageError for what is not there.
 */
export async function findRecordings(patterns: readonly string[]): Promise<readonly Recording[]> {
  const found = new Map<string, Recording>();
  for (const pattern of patterns) {
    const recordings = await expand(pattern);
    if (recordings.length === 0) throw new UsageError(`${pattern}: no such file, or no audio in it.`);
    for (const recording of recordings) if (!found.has(recording.path)) found.set(recording.path, recording);
  }
  return [...found.values()];
}

async function expand(pattern: string): Promise<Recording[]> {
  const itself = await lookAt(pattern);
  if (itself?.isFile()) return [recordingOf(pattern, null, itself.size)];
  if (itself?.isDirectory()) return collect('**/*', pattern, (name) => audioName.test(name));
  return /[*?[{]/.test(pattern) ? collect(pattern, null, () => true) : [];
}

async function collect(
  pattern: string,
  folder: string | null,
  accept: (name: string) => boolean,
): Promise<Recording[]> {
  const names: string[] = [];
  for await (const name of folder === null ? glob(pattern) : glob(pattern, { cwd: folder })) names.push(name);
  const recordings = await Promise.all(
    names
      .filter((name) => accept(name) && !name.split('/').some((part) => part.startsWith('.') && part.length > 2))
      .sort()
      .map(async (name) => {
        const path = folder === null ? name : join(folder, name);
        const info = await lookAt(path);
        return info?.isFile() ? recordingOf(path, folder, info.size) : null;
      }),
  );
  return recordings.filter((one) => one !== null);
}

function recordingOf(name: string, folder: string | null, sizeBytes: number): Recording {
  const path = resolve(name);
  const place = folder === null ? path.slice(path.lastIndexOf('/') + 1) : relative(folder, path);
  return { name, path, place, sizeBytes };
}

async function lookAt(path: string) {
  try {
    return await stat(path);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new UsageError(`${path}: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}
