import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { KeyPolicy } from '../auth/key-directory.ts';
import { hashKey } from '../auth/key-store.ts';
import { parseDollars } from '../core/money.ts';

/** A key of the file, as the database takes it over. */
export interface FileKey extends Pick<KeyPolicy, 'scopes' | 'allowedModels' | 'localOnly' | 'maxPriceNanosPerMinute'> {
  readonly id: string;
  readonly hash: string;
}

/**
 * Keys in one JSON file that only its owner may read. It holds hashes: the file is no use to whoever steals it. Requests
 * never look here: a start brings what is in it into the database.
 */
export interface FileKeyStore {
  /** Hash of the admin key; null: there is none, or that of the settings counts alone. */
  adminHash(): string | null;
  /** The keys beside it; none where the admin key of the settings counts alone. */
  otherKeys(): readonly FileKey[];
  /**
   * Makes the admin key when there is none yet and resolves with it: the one moment at which it is known. Resolves
   * with null when there is one, in the file or in the settings. Of two processes at once, one makes it.
   */
  makeAdminKey(): Promise<string | null>;
  /** Replaces the admin key; the old one is refused by every server that starts after this. */
  resetAdminKey(): Promise<string>;
}

export interface FileKeyStoreOptions {
  /** Absolute path of the JSON file; its folder is made when a key is. */
  readonly file: string;
  /** The admin key from the settings: then it alone counts, and the file is neither read nor written. */
  readonly adminKey: string | null;
}

/** The file cannot be used; the message says what to do. */
export class KeyFileError extends Error {
  constructor(file: string, problem: string, cause: unknown) {
    super(`${file}: ${problem}`, { cause });
    this.name = 'KeyFileError';
  }
}

const keyFile = z.object({
  keys: z.array(
    z.object({
      id: z.string(),
      /** SHA-256 in hex. Enough without salt or stretching: a key is 256 random bits, which nobody can try out. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      scopes: z.array(z.enum(['transcribe', 'live', 'jobs', 'admin'])),
      createdAt: z.iso.datetime(),
      /** Names of models and aliases that it may use; left out: every one. */
      allowedModels: z.array(z.string().min(1)).optional(),
      /** No recording of it leaves this machine. */
      localOnly: z.boolean().optional(),
      /** US dollars for a minute, in quotes: dearer models are not for it. */
      maxPerMinuteUsd: z
        .string()
        .regex(/^\d{1,12}(\.\d{1,9})?$/)
        .optional(),
    }),
  ),
});
type KeyRecord = z.infer<typeof keyFile>['keys'][number];

const adminId = 'admin';

/** Opens the store. Rejects with KeyFileError when the file is there and makes no sense. */
export async function openFileKeyStore(options: FileKeyStoreOptions): Promise<FileKeyStore> {
  const { file, adminKey } = options;
  let records = adminKey === null ? await readRecords(file) : [];

  return {
    adminHash: () => records.find((record) => record.id === adminId)?.sha256 ?? null,
    otherKeys: () => records.filter((record) => record.id !== adminId).map(toFileKey),
    async makeAdminKey() {
      if (adminKey !== null) return null;
      if (records.some((record) => record.id === adminId)) return null;
      const key = newKey();
      if (records.length === 0 && (await createFile(file, [adminRecord(key)]))) {
        records = [adminRecord(key)];
        return key;
      }
      // Another process was quicker, or the file had other keys only.
      records = await readRecords(file);
      if (records.some((record) => record.id === adminId)) return null;
      records = [...records, adminRecord(key)];
      await replaceFile(file, records);
      return key;
    },
    async resetAdminKey() {
      const key = newKey();
      const others = (await readRecords(file)).filter((record) => record.id !== adminId);
      records = [...others, adminRecord(key)];
      await replaceFile(file, records);
      return key;
    },
  };
}

/** A key as callers send it: 256 random bits. */
export function newKey(): string {
  return `flux_${randomBytes(32).toString('base64url')}`;
}

function adminRecord(key: string): KeyRecord {
  return { id: adminId, sha256: hashKey(key), scopes: ['transcribe', 'admin'], createdAt: new Date().toISOString() };
}

function toFileKey({ id, sha256, scopes, allowedModels, localOnly, maxPerMinuteUsd }: KeyRecord): FileKey {
  return {
    id,
    hash: sha256,
    scopes,
    allowedModels: allowedModels ?? null,
    localOnly: localOnly ?? false,
    maxPriceNanosPerMinute: maxPerMinuteUsd === undefined ? null : parseDollars(maxPerMinuteUsd),
  };
}

async function readRecords(file: string): Promise<KeyRecord[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw new KeyFileError(file, `cannot be read: ${thrown instanceof Error ? thrown.message : thrown}`, thrown);
  }
  try {
    return keyFile.parse(JSON.parse(text)).keys;
  } catch (thrown) {
    throw new KeyFileError(file, 'is not a key file. Put its backup back, or delete it for a new admin key.', thrown);
  }
}

/** Writes the file unless there is one already; a half-written one is never seen. */
async function createFile(file: string, keys: readonly KeyRecord[]): Promise<boolean> {
  const temporary = await writeBeside(file, keys);
  try {
    await link(temporary, file);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function replaceFile(file: string, keys: readonly KeyRecord[]): Promise<void> {
  await rename(await writeBeside(file, keys), file);
}

async function writeBeside(file: string, keys: readonly KeyRecord[]): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await using handle = await open(temporary, 'wx', 0o600);
  await handle.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
  // A key that was printed must survive a power cut: it is not known anywhere else.
  await handle.sync();
  return temporary;
}
