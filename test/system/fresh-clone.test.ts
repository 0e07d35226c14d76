import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { assertSameWords, helloText } from '../helpers/speech.ts';
import { until } from '../helpers/start-server.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../', import.meta.url));
/** The machine's own Node and npm: what a newcomer has. */
const path = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);
const skip = !(await hasNpm()) && 'no npm or no git here';

async function hasNpm(): Promise<boolean> {
  try {
    await Promise.all([
      run('npm', ['--version'], { env: { PATH: path } }),
      run('git', ['--version'], { env: { PATH: path } }),
    ]);
    return true;
  } catch {
    return false;
  }
}

/** What a command needs to reach a registry on this machine; nothing of ours. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /_CERTS?$|^(HTTPS?|NO)_PROXY$|^SSL_/i.test(name)),
);

interface Start {
  readonly child: ChildProcess;
  output(): string;
}

describe('a fresh clone with an empty home', { skip }, () => {
  let root = '';
  let clone = '';
  const children: ChildProcess[] = [];

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'fresh-clone-'));
    clone = join(root, 'fluxscribe');
    await run('git', ['clone', '--quiet', repository, clone]);
  });
  after(async () => {
    for (const child of children) if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  function npmStart(port: string, more: Readonly<Record<string, string>> = {}): Start {
    const child = spawn('npm', ['start'], {
      cwd: clone,
      env: { ...network, PATH: path, HOME: join(root, 'home'), PORT: port, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    return { child, output: () => output };
  }

  async function serving({ child, output }: Start): Promise<string> {
    await until('it serves', 10 * 60_000, () => {
      if (child.exitCode !== null) throw new Error(`npm start ended:\n${output()}`);
      return /serves on (\S+)/.test(output());
    });
    return /serves on (\S+)/.exec(output())![1]!;
  }

  async function stop({ child }: Start): Promise<void> {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }

  it('installs, fetches, serves, and prints a command that works as it stands; of two starts one installs', async () => {
    // An embedded database serves one process: each has a data folder of its own.
    const starts = [npmStart('0'), npmStart('0', { FLUXSCRIBE_DATA: join(root, 'other-data') })];
    const urls = await Promise.all(starts.map(serving));
    const printed = starts.map((start) => start.output()).join('\n');
    assert.equal(printed.match(/Installing the dependencies/g)?.length, 1);
    assert.equal(printed.match(/Admin key\s+flux_/g)?.length, 2, 'each has made the key of its own');
    assert.equal(new Set(urls).size, 2);

    const command = starts
      .map((start) => /curl [\s\S]*?hello\.wav/.exec(start.output())?.[0])
      .find((text) => text?.includes('Bearer flux_'));
    assert.ok(command, printed);
    const { stdout } = await run('sh', ['-c', command], { cwd: clone, env: { PATH: path } });
    assertSameWords(JSON.parse(stdout).text, helloText);
    await Promise.all(starts.map(stop));
  });

  it('starts again without installing or fetching anything', async () => {
    const start = npmStart('0');
    await serving(start);
    assert.doesNotMatch(start.output(), /Installing|Fetching|flux_/);
    await stop(start);
  });

  it('has the command at hand, with paths that start where the caller is', async () => {
    const env = { ...network, PATH: path, HOME: join(root, 'home') };
    const argv = ['run', '--silent', 'fluxscribe', '--', 'transcribe', 'hello.wav', '--quiet'];
    const { stdout } = await run('npm', argv, { cwd: join(clone, 'examples'), env });
    assertSameWords(stdout, helloText);
  });

  it('builds a package whose command runs without type stripping', async () => {
    const env = { ...network, PATH: path, HOME: join(root, 'home') };
    await run('npm', ['run', 'build'], { cwd: clone, env });
    const node = join(clone, 'node_modules/.bin/node');
    const help = await run(node, ['--no-strip-types', 'dist/cli/main.js', '--help'], { cwd: clone, env });
    assert.match(help.stdout, /transcribe/);
    const text = await run(node, ['--no-strip-types', 'dist/cli/main.js', 'transcribe', 'examples/hello.wav'], {
      cwd: clone,
      env,
    });
    assertSameWords(text.stdout, helloText);
  });

  it('leaves nothing beside what .gitignore names', async () => {
    const { stdout } = await run('git', ['status', '--porcelain'], { cwd: clone });
    assert.equal(stdout, '');
    assert.ok(!existsSync(join(clone, '.install-lock')));
    assert.ok(readFileSync(join(clone, 'data/keys.json'), 'utf8').includes('sha256'));
  });
});
