import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Python of its own with some packages in it, gone after the test. */
export interface PythonVenv {
  /** Where its python and the programs of its packages are. */
  readonly binDir: string;
  /** Runs a script and gives back what it printed; fails with what it wrote to standard error. */
  run(script: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Whether this machine has Python 3. */
export async function hasPython(): Promise<boolean> {
  try {
    await run('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** Makes a virtual environment and installs the newest of each package from wherever pip is told to look. */
export async function createPythonVenv(packages: readonly string[]): Promise<PythonVenv> {
  const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-python-'));
  const binDir = join(folder, 'bin');
  const python = join(binDir, 'python');
  try {
    await run('python3', ['-m', 'venv', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--upgrade', ...packages]);
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
  return {
    binDir,
    async run(script, ...args) {
      const { stdout } = await run(python, [script, ...args], { maxBuffer: 64 * 1024 * 1024 });
      return stdout;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
