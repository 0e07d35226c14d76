import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vendorVariables } from '../../src/config/provider-settings.ts';
import { placeEmptyDatabase } from './databases.ts';
import { commandLineOf, descendantsOf, isAlive, residentBytesOf } from './process-tree.ts';

/** The admin key of every server that tests start. */
export const serverKey = 'sk-system-test-admin';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The real server in a process of its own, as `npm start` runs it, with a data folder of its own. */
export interface ServerProcess {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything that it has written to standard output and standard error. */
  output(): string;
  /** Processes below it. */
  childPids(): number[];
  /** Those of them that recognise, or that decode. */
  enginePids(): number[];
  decoderPids(): number[];
  /** Resident memory of the server and all processes below it, in bytes. */
  residentBytes(): number;
  /** Names of files that lie in the spool now. */
  spooledFiles(): Promise<string[]>;
  /** A value of `/metrics`, all label sets of that name added up. */
  metric(name: string): Promise<number>;
  /** Resolves when no upload is being received and no piece of audio waits or is worked on. */
  idle(timeoutMs?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Sends a signal to the server's whole process group, as a terminal does. */
  signalGroup(name: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  /**
   * Ends it as an operator would and removes its data folder. Throws when it does not end well, leaves a process behind
   * or leaves an upload on the disk.
   */
  stop(): Promise<void>;
}

const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const repository = fileURLToPath(new URL('../../', import.meta.url));
/** The first start on a machine fetches the models. */
const startTimeoutMs = 300_000;
const stopTimeoutMs = 60_000;

/** The process of a server, whether it serves yet or not. */
export interface ServerChild {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything that it has written to standard output and standard error. */
  output(): string;
  readonly exited: Promise<Exit>;
}

/**
 * Starts a server and waits until it serves. Settings come from `env` alone, so that an operator's own do not change
 * what is tested; where models are kept and fetched from is taken over from the environment.
 */
export async function startServer(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const started = await spawnServer(env);
  const port = await announcedPort(started.child, started.output);
  return createHandle({ ...started, port });
}

/** As `startServer`, without waiting for anything. Whoever calls it ends it. */
export async function spawnServer(env: Readonly<Record<string, string>> = {}): Promise<ServerChild> {
  const dataDir = env.FLUXSCRIBE_DATA ?? (await mkdtemp(join(tmpdir(), 'fluxscribe-system-')));
  await mkdir(dataDir, { recursive: true });
  // Not made anew for every server that a test starts; a folder that was used before has its own.
  if (env.DATABASE_URL === undefined && !existsSync(join(dataDir, 'database'))) await placeEmptyDatabase(dataDir);
  const child = spawn(process.execPath, [entry], {
    cwd: repository,
    env: { ...inheritedEnvironment(), ...baseEnvironment(dataDir), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: signals to it do not reach the tests.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  endWithUs(child);
  return { child, pid: child.pid!, dataDir, exited, output: () => output };
}

const endings = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A run that is interrupted takes its servers along: they are in process groups of their own, which no signal reaches. */
function endWithUs(child: ChildProcess): void {
  const listeners = endings.map((ending) => {
    const listener = () => {
      child.kill('SIGKILL');
      // This listener is off by now: the same signal does what it always does.
      if (ending !== 'exit') process.kill(process.pid, ending);
    };
    process.once(ending, listener);
    return () => process.off(ending, listener);
  });
  child.once('exit', () => {
    for (const off of listeners) off();
  });
}

const vendorNames = new Set(vendorVariables.map(({ key }) => key));

/** Everything of ours but the settings of fluxscribe and of the vendors that it knows. */
function inheritedEnvironment(): Record<string, string | undefined> {
  const kept = new Set(['FLUXSCRIBE_MODELS', 'FLUXSCRIBE_MODEL_MIRROR']);
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        kept.has(name) ||
        !(
          vendorNames.has(name) ||
          /^(FLUXSCRIBE_|DATABASE_URL$|HOST$|PORT$|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/.test(name)
        ),
    ),
  );
}

function baseEnvironment(dataDir: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    FLUXSCRIBE_DATA: dataDir,
    FLUXSCRIBE_ADMIN_KEY: serverKey,
    FLUXSCRIBE_LOG_FORMAT: 'json',
    FLUXSCRIBE_METRICS_PUBLIC: 'true',
  };
}

async function announcedPort(child: ChildProcess, output: () => string): Promise<number> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (performance.now() < giveUpAt) {
    const port = /serves on http:\/\/\S+:(\d+)/.exec(output())?.[1];
    if (port) return Number(port);
    if (child.exitCode !== null || child.signalCode !== null) break;
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(`The server did not start:\n${output()}`);
}

function createHandle({
  child,
  pid,
  port,
  dataDir,
  exited,
  output,
}: ServerChild & { readonly port: number }): ServerProcess {
  const url = `http://127.0.0.1:${port}`;
  const childPids = () => descendantsOf(pid).map((one) => one.pid);
  const pidsRunning = (script: string) => childPids().filter((one) => commandLineOf(one).includes(script));

  async function spooledFiles(): Promise<string[]> {
    const entries = await readdir(join(dataDir, 'uploads'), { recursive: true, withFileTypes: true });
    return entries.filter((one) => one.isFile()).map((one) => one.name);
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  return {
    url,
    port,
    pid,
    dataDir,
    exited,
    output,
    childPids,
    enginePids: () => pidsRunning('engine-worker'),
    decoderPids: () => pidsRunning('decode-worker'),
    residentBytes: () => residentBytesOf(pid),
    spooledFiles,
    metric,
    async idle(timeoutMs = 30_000) {
      const busy = ['fluxscribe_uploads_in_progress', 'fluxscribe_engine_running', 'fluxscribe_engine_queue_length'];
      await until('the server is idle', timeoutMs, async () => {
        const values = await Promise.all(busy.map(metric));
        return values.every((value) => value === 0);
      });
    },
    signal: (name) => void child.kill(name),
    signalGroup: (name) => void process.kill(-pid, name),
    async stop() {
      const children = childPids();
      try {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
        const exit = await Promise.race([exited, sleep(stopTimeoutMs, null, { ref: false })]);
        assert.ok(exit, `the server did not stop:\n${output()}`);
        assert.deepEqual(exit, { code: 0, signal: null }, output());
        await until('every process below the server has ended', 5000, () => !children.some(isAlive));
        assert.deepEqual(await spooledFiles(), [], 'uploads were left on the disk');
      } finally {
        for (const one of [pid, ...children]) if (isAlive(one)) process.kill(one, 'SIGKILL');
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
}

/** Waits until the condition holds; fails with its name when it does not in time. */
export async function until(
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Not within ${timeoutMs} ms: ${what}.`);
    await sleep(25);
  }
}
