/**
 * Pages that are made from code: `node scripts/docs.ts --write` writes them, `npm run check` compares them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configPage } from './docs/config-page.ts';
import { withErrorTable } from './docs/error-table.ts';

/** Path → the page as the code would have it, from the page as it is: people write around the made parts of some. */
const generatedPages: ReadonlyMap<string, (page: string) => string> = new Map([
  ['docs/reference/config.md', configPage],
  ['docs/reference/errors.md', withErrorTable],
]);

/** Pages that differ from what the code would write. */
export function stalePages(): readonly string[] {
  return [...generatedPages].filter(([path, make]) => current(path) !== make(current(path))).map(([path]) => path);
}

/** '' when there is no such page yet. */
function current(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return '';
    throw thrown;
  }
}

if (process.argv.includes('--write')) {
  mkdirSync('docs/reference', { recursive: true });
  for (const [path, make] of generatedPages) writeFileSync(path, make(current(path)));
  console.log(`Wrote ${[...generatedPages.keys()].join(', ')}`);
}
