import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const entry = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/**
 * Runs the `fluxscribe` command as a shell would. Settings come from `env` alone; where models are kept and fetched from
 * is taken over from the environment.
 */
export function runCli(
  argv: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    /** What it reads from standard input; left out: nothing. */
    readonly input?: string;
  },
): Promise<CliResult> {
  const kept = new Set(['FLUXSCRIBE_MODELS', 'FLUXSCRIBE_MODEL_MIRROR']);
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      kept.has(name) || !/^(FLUXSCRIBE_|DATABASE_URL$|HOST$|PORT$|npm_lifecycle_event$|INIT_CWD$|NODE_)/.test(name),
  );
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...argv], {
      cwd: options.cwd,
      env: { ...Object.fromEntries(inherited), ...(extra && { NODE_EXTRA_CA_CERTS: extra }), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A command that ends without reading is no failure of the test.
    child.stdin.on('error', () => undefined).end(options.input);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
