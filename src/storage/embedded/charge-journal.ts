import { fdatasync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { GatewayError } from '../../core/errors.ts';
import { syncPath } from './sync-folder.ts';

export interface JournalEntry {
  /** Goes up by one with every entry, over restarts too. */
  readonly position: number;
  /** Whatever was appended. */
  readonly text: string;
}

interface JournalFile {
  readonly handle: FileHandle;
  bytes: number;
  /** Of its last entry; 0: it is empty. */
  lastPosition: number;
}

/** With a callback, which takes a fifth of the processor time of a file handle's own. */
const flush = promisify(fdatasync);
/** A file takes no more entries beyond this, and is emptied once the database has all of them. */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * What was acknowledged and is not in the embedded database yet: an append and one flush of the disk for all that arrived
 * together, a tenth of what a commit of the database costs. Two files in turn: one takes entries while the other's go into
 * the database. Each line has a checksum: what a crash has cut off was never acknowledged.
 *
 * One at a time may append. Not for two processes: the database's folder is locked.
 */
export class ChargeJournal {
  /** Entries of earlier processes, oldest first; some of them may be in the database already. */
  readonly found: readonly JournalEntry[];
  readonly #files: readonly [JournalFile, JournalFile];
  readonly #durable: boolean;
  #active: 0 | 1 = 0;
  #lastPosition: number;
  #broken: unknown = null;

  private constructor(files: readonly [JournalFile, JournalFile], found: readonly JournalEntry[], durable: boolean) {
    this.#files = files;
    this.#durable = durable;
    this.found = found;
    this.#lastPosition = found.at(-1)?.position ?? 0;
    this.#active = files[0].lastPosition >= files[1].lastPosition ? 0 : 1;
  }

  /** `durable`: every append waits for the disk; off for tests alone. */
  static async open(folder: string, durable: boolean): Promise<ChargeJournal> {
    await mkdir(folder, { recursive: true });
    const [first, second] = [await openFile(join(folder, '0.log')), await openFile(join(folder, '1.log'))];
    if (durable) {
      await syncPath(folder);
      await syncPath(join(folder, '..'));
    }
    const found = [...first.entries, ...second.entries].sort((one, other) => one.position - other.position);
    return new ChargeJournal([first.file, second.file], found, durable);
  }

  /** Positions go on from here: what the database has may be further than the files, which were emptied. */
  goOnFrom(position: number): void {
    this.#lastPosition = Math.max(this.#lastPosition, position);
  }

  /**
   * Resolves with the position of each text (of one line) once the disk has all of them. Rejects with GatewayError
   * `service_unavailable` when it cannot be written: then none of them counts.
   */
  async append(texts: readonly string[]): Promise<readonly number[]> {
    if (this.#broken !== null) throw unavailable(this.#broken);
    const file = this.#files[this.#active];
    const positions = texts.map((_, index) => this.#lastPosition + index + 1);
    const lines = texts.map((text, index) => lineOf(`${positions[index]} ${text}`)).join('');
    const bytes = Buffer.from(lines);
    try {
      // Into the kernel's memory: microseconds. The disk is waited for below.
      const written = writeSync(file.handle.fd, bytes, 0, bytes.length, file.bytes);
      if (written < bytes.length) throw new Error(`${written} of ${bytes.length} bytes were written`);
    } catch (thrown) {
      // A full disk: what was written of it must not be read as entries.
      await this.#orBroken(file.handle.truncate(file.bytes));
      throw unavailable(thrown);
    }
    // After a flush that failed nobody knows what the disk has: only a restart finds out.
    if (this.#durable) await this.#orBroken(flush(file.handle.fd));
    if (this.#broken !== null) throw unavailable(this.#broken);
    file.bytes += bytes.length;
    this.#lastPosition += texts.length;
    file.lastPosition = this.#lastPosition;
    return positions;
  }

  /** The database has everything up to this position: makes room. */
  async posted(position: number): Promise<void> {
    const other = this.#files[this.#active === 0 ? 1 : 0];
    if (other.bytes > 0 && other.lastPosition <= position) await empty(other);
    if (other.bytes === 0 && this.#files[this.#active].bytes > maxFileBytes) this.#active = this.#active === 0 ? 1 : 0;
  }

  /** Empties what the database has and closes the files. */
  async close(postedPosition: number): Promise<void> {
    for (const file of this.#files) {
      if (file.lastPosition <= postedPosition) await empty(file);
      await file.handle.close();
    }
  }

  async #orBroken(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      this.#broken ??= thrown;
    }
  }
}

async function openFile(path: string): Promise<{ file: JournalFile; entries: readonly JournalEntry[] }> {
  const handle = await open(path, 'a+').then(async (made) => {
    await made.close();
    return open(path, 'r+');
  });
  const content = await readFile(path, 'utf8');
  const entries: JournalEntry[] = [];
  let bytes = 0;
  // What stands after the last line's end is no whole line, even where only the end of the line is missing.
  for (const line of content.split('\n').slice(0, -1)) {
    const entry = entryOf(line);
    if (!entry) break;
    entries.push(entry);
    bytes += Buffer.byteLength(line) + 1;
  }
  // What a crash has cut off.
  await handle.truncate(bytes);
  return { file: { handle, bytes, lastPosition: entries.at(-1)?.position ?? 0 }, entries };
}

function lineOf(content: string): string {
  return `${crc32(content).toString(16).padStart(8, '0')} ${content}\n`;
}

function entryOf(line: string): JournalEntry | null {
  const content = line.slice(9);
  if (line.length < 12 || lineOf(content) !== `${line}\n`) return null;
  const space = content.indexOf(' ');
  return { position: Number(content.slice(0, space)), text: content.slice(space + 1) };
}

async function empty(file: JournalFile): Promise<void> {
  await file.handle.truncate(0);
  file.bytes = 0;
  file.lastPosition = 0;
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError('service_unavailable', 'The journal of charges cannot be written.', {
    cause,
    retryAfterSeconds: 5,
  });
}
