import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort, untilReady } from './test-service.ts';

/** A PostgreSQL for one run of the tests, in a temporary folder. */
export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/** Starts this machine's own PostgreSQL; null where none is installed. */
export async function startTestPostgres(): Promise<TestPostgres | null> {
  const programs = programFolder();
  if (programs === null) return null;
  const dir = mkdtempSync(join(tmpdir(), 'fluxscribe-postgres-'));
  const owner = serverUser();
  if (owner !== null) chownSync(dir, owner.uid, owner.gid);
  // Its working directory must be one that it may enter.
  const asOwner = { ...owner, cwd: dir };
  const data = join(dir, 'data');
  const initialise = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(programs, 'initdb'), initialise, { ...asOwner, stdio: ['ignore', 'ignore', 'inherit'] });
  const port = await freePort();
  // The tests kill our processes and never this one, so that it need not wait for the disk.
  const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${dir}`, 'fsync=off', 'max_connections=200'];
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    // Failed statements are part of many tests; its log says nothing that they do not.
    { ...asOwner, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.on('exit', () => resolve()));
  const stop = async () => {
    // Fast shutdown: open connections are ended.
    server.kill('SIGINT');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  try {
    await untilReady(() => connect(url), startTimeoutMs);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { url, stop };
}

/** On the PATH, or where Debian puts them; the newest of several. */
function programFolder(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((left, right) => Number(right) - Number(left)) : [];
  const folders = [...(process.env.PATH ?? '').split(':'), ...versions.map((version) => join(debian, version, 'bin'))];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null;
}

/** PostgreSQL refuses to run as root; its package makes a user for it. null: as whoever runs the tests. */
function serverUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function connect(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.end();
}
