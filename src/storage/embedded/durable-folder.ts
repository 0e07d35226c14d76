import { fsyncSync } from 'node:fs';
import { NodeFS } from '@electric-sql/pglite/nodefs';

/** The parts of Emscripten's bridge to Node's file system that are taken hold of here. */
interface FolderBridge {
  readonly stream_ops: {
    write(stream: FileStream, ...rest: unknown[]): unknown;
    setattr(stream: FileStream, ...rest: unknown[]): unknown;
    fsync?(stream: FileStream): number;
  };
}
interface FileStream {
  /** Node's descriptor. */
  readonly nfd: number;
  readonly node: { readonly id: number; readonly mode: number };
}
interface BridgedModule {
  readonly NODEFS: FolderBridge;
}

const directoryBit = 0o040000;
const typeBits = 0o170000;

/**
 * A folder of the disk for PGlite in which `fsync` does what it says. PGlite 0.5 starts PostgreSQL with fsync off, and
 * its bridge to Node's file system has no fsync at all: what a commit wrote is then in the kernel's memory only, and a
 * power cut takes it back or tears it. Here every fsync of the database reaches the disk.
 *
 * After an unclean end PostgreSQL also syncs each of its thousand files before it recovers, each with a flush of the
 * disk's cache: up to ten seconds. With `syncedBefore` (`syncFileSystem` ran, nothing wrote since) files that this process
 * has not written are left out until it is `opened`: they are on the disk already.
 */
export class DurableFolder extends NodeFS {
  #leavesOutUnwritten: boolean;
  readonly #written = new Set<number>();

  constructor(dir: string, syncedBefore: boolean) {
    super(dir);
    this.#leavesOutUnwritten = syncedBefore;
  }

  /** Call when the database is open: from now on every fsync is carried out. */
  opened(): void {
    this.#leavesOutUnwritten = false;
    this.#written.clear();
  }

  /** Brings an open file or folder to the disk. */
  protected sync(descriptor: number): void {
    fsyncSync(descriptor);
  }

  override async init(...[pglite, options]: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pglite, options);
    const preRun = [(module: unknown) => this.#syncThrough(module), ...(emscriptenOpts.preRun ?? [])];
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
  }

  #syncThrough(module: unknown): void {
    if (!isBridged(module)) throw new Error('This PGlite has no NODEFS bridge: its writes cannot be made durable.');
    const operations = module.NODEFS.stream_ops;
    const { write, setattr } = operations;
    operations.write = (stream, ...rest) => {
      this.#noteWrite(stream);
      return write(stream, ...rest);
    };
    // Truncation and growth.
    operations.setattr = (stream, ...rest) => {
      this.#noteWrite(stream);
      return setattr(stream, ...rest);
    };
    operations.fsync = (stream) => {
      const isFolder = (stream.node.mode & typeBits) === directoryBit;
      if (isFolder || !this.#leavesOutUnwritten || this.#written.has(stream.node.id)) this.sync(stream.nfd);
      return 0;
    };
  }

  #noteWrite(stream: FileStream): void {
    if (this.#leavesOutUnwritten) this.#written.add(stream.node.id);
  }
}

function isBridged(module: unknown): module is BridgedModule {
  return typeof module === 'object' && module !== null && 'NODEFS' in module;
}
