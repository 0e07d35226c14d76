import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CurlAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Whether this machine has curl. */
export async function hasCurl(): Promise<boolean> {
  try {
    await run('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** Runs curl as a shell would be told to, in a folder with the files that it uploads. */
export async function runCurl(folder: string, args: readonly string[]): Promise<CurlAnswer> {
  const { stdout } = await run('curl', ['--silent', '--show-error', '--include', ...args], { cwd: folder });
  // A `100 Continue` may come first.
  const answer = stdout.replace(/^(HTTP\/1\.1 100 [^\r]*\r\n\r\n)+/, '');
  const end = answer.indexOf('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]),
    headers: answer.slice(0, end),
    body: answer.slice(end + 4),
  };
}
