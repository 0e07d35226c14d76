/**
 * Pages that are made from code: `node scripts/docs.ts --write` writes them, `npm run check` compares them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configPage } from './docs/config-page.ts';
import { errorsPage } from './docs/errors-page.ts';

/** Path → the page as the code would have it. */
export const generatedPages: ReadonlyMap<string, () => string> = new Map([
  ['docs/reference/config.md', configPage],
  ['docs/reference/errors.md', errorsPage],
]);

/** Pages that differ from what the code would write. */
export function stalePages(): readonly string[] {
  return [...generatedPages].filter(([path, make]) => current(path) !== make()).map(([path]) => path);
}

function current(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

if (process.argv.includes('--write')) {
  mkdirSync('docs/reference', { recursive: true });
  for (const [path, make] of generatedPages) writeFileSync(path, make());
  console.log(`Wrote ${[...generatedPages.keys()].join(', ')}`);
}
