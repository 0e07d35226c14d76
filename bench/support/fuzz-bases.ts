import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzBase } from './fuzz-audio.ts';

const fixtures = fileURLToPath(new URL('../../test/fixtures/audio/', import.meta.url));
const shared = fileURLToPath(new URL('../../../shared/audio/', import.meta.url));
const sound = /\.(wav|mp3|mp2|mpga|mpeg|flac|ogg|opus|webm|mka|mkv|m4a|mp4|mov|aac)$/;

/** Enough of a longer file for two or three seconds in most codecs. */
const prefixBytes = 32 * 1024;
/** Files that keep their index at the end are useless in part; these are taken whole. */
const wholeBytes = 120 * 1024;

/**
 * Our own small recordings of every container and codec, three times over, and where the speech test set is at hand the
 * beginnings of its files, among them the broken ones.
 */
export function readFuzzBases(): readonly FuzzBase[] {
  const ours = filesIn(fixtures, Number.POSITIVE_INFINITY);
  const theirs = ['formats', 'malformed'].flatMap((folder) => {
    const path = join(shared, folder);
    return existsSync(path) ? filesIn(path, prefixBytes) : [];
  });
  return [...ours, ...ours, ...ours, ...theirs];
}

function filesIn(folder: string, mostBytes: number): FuzzBase[] {
  const names = readdirSync(folder).filter((name) => sound.test(name));
  return names.toSorted().map((name) => {
    const bytes = readFileSync(join(folder, name));
    const needsAll = /\.(m4a|mp4|mov)$/.test(name) && bytes.length <= wholeBytes;
    return { name, bytes: needsAll ? bytes : bytes.subarray(0, mostBytes) };
  });
}
