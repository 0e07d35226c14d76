import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Files that git knows or would add, with these endings, as paths from the repository's root. */
export function sourceFiles(...endings: readonly string[]): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  return listed
    .split('\n')
    .filter((path) => endings.some((ending) => path.endsWith(ending)) && existsSync(path))
    .sort();
}
