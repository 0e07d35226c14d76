import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';

/** The right to open a folder; it names its owner, and a dead owner's is taken over. */
export interface FolderLock {
  /** Whether the last owner gave it back: false after a crash or kill -9. */
  readonly lastOwnerClosed: boolean;
  release(): Promise<void>;
}

const ownerSchema = z.object({
  pid: z.number().int().positive(),
  /** The machine, its boot and its process namespace: where the pid means something. */
  home: z.string(),
  /** When the process began, in the kernel's ticks: pids come again, above all in containers. null: not known here. */
  startTicks: z.string().nullable(),
  token: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** The owner touches its lock this often … */
const touchEveryMs = 5_000;
/** … and one of another machine or container, whose pid says nothing here, is dead when it has not for this long. */
const foreignDeadAfterMs = 30_000;

/**
 * Takes the lock `file` (its folder is made). Two processes in one folder of the embedded database would destroy it, so
 * this is exact where it can be: an owner on this machine is alive if its process is. An owner elsewhere (a container
 * that shares the volume) is waited for up to 30 s, until it has shown no sign of life for that long.
 * Rejects with GatewayError `service_unavailable`, which names the owner's pid, when the owner lives.
 */
export async function lockFolder(file: string): Promise<FolderLock> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const self: Owner = { ...(await identity(process.pid)), token: randomBytes(9).toString('base64url') };
  const waitedUntilMs = Date.now() + foreignDeadAfterMs + touchEveryMs;
  for (;;) {
    const attempt = await tryLock(file, self);
    if (attempt.taken) return held(file, self, attempt.lastOwnerClosed);
    const isForeign = attempt.owner.home !== self.home;
    if (!isForeign || Date.now() > waitedUntilMs) {
      throw new GatewayError(
        'service_unavailable',
        `The embedded database is in use by process ${attempt.owner.pid}${isForeign ? ' of another machine or container' : ''} (${file}). Stop it, or set DATABASE_URL: PostgreSQL serves several processes.`,
      );
    }
    await sleep(touchEveryMs);
  }
}

type Attempt =
  | { readonly taken: true; readonly lastOwnerClosed: boolean }
  | { readonly taken: false; readonly owner: Owner };

/** Reads and writes the lock while nobody else does; whoever dies in here is overtaken after five seconds. */
async function tryLock(file: string, self: Owner): Promise<Attempt> {
  const release = await lockfile.lock(file, {
    realpath: false,
    lockfilePath: `${file}.turn`,
    stale: 5_000,
    retries: { retries: 60, minTimeout: 50, maxTimeout: 200 },
  });
  try {
    const owner = await readOwner(file);
    if (owner !== null && (await isAlive(owner, self, file))) return { taken: false, owner };
    const temporary = `${file}.${self.token}`;
    await writeFile(temporary, JSON.stringify(self), { mode: 0o600 });
    await rename(temporary, file);
    return { taken: true, lastOwnerClosed: owner === null };
  } finally {
    await release();
  }
}

function held(file: string, self: Owner, lastOwnerClosed: boolean): FolderLock {
  const touch = setInterval(() => {
    const now = new Date();
    // A folder that was deleted under us shows up in the database itself, and louder.
    utimes(file, now, now).catch(() => undefined);
  }, touchEveryMs);
  touch.unref();
  return {
    lastOwnerClosed,
    async release() {
      clearInterval(touch);
      if ((await readOwner(file))?.token === self.token) await rm(file, { force: true });
    },
  };
}

/** null: nobody has it, or the file makes no sense, which a finished write never leaves behind. */
async function readOwner(file: string): Promise<Owner | null> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof z.ZodError) return null;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

async function isAlive(owner: Owner, self: Owner, file: string): Promise<boolean> {
  if (owner.home !== self.home) {
    const { mtimeMs } = await stat(file);
    return Date.now() - mtimeMs < foreignDeadAfterMs;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (thrown) {
    // EPERM: it lives, under another user.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
  return (await identity(owner.pid)).startTicks === owner.startTicks;
}

async function identity(pid: number): Promise<Omit<Owner, 'token'>> {
  const [boot, namespace, processStat] = await Promise.all([
    orEmpty(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    orEmpty(readlink('/proc/self/ns/pid')),
    orEmpty(readFile(`/proc/${pid}/stat`, 'utf8')),
  ]);
  // The 22nd field; the second, the name, may hold spaces and ends at the last parenthesis.
  const startTicks = processStat.slice(processStat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  return { pid, home: [hostname(), boot.trim(), namespace].join(' '), startTicks };
}

/** Systems without /proc have the pid alone to go by. */
async function orEmpty(reading: Promise<string>): Promise<string> {
  return reading.catch(() => '');
}
