import { readFile, writeFile } from 'node:fs/promises';
import { errorTable } from '../../src/core/errors.ts';

/** The page that holds the table, and the comments between which it stands. */
export const errorPage = new URL('../../docs/reference/errors.md', import.meta.url);
const begin = '<!-- error table: written by scripts/docs/error-table.ts -->';
const end = '<!-- end of error table -->';

/** Every code of `src/core/errors.ts` in its order, as a Markdown table. */
export function renderErrorTable(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, type, summary }]) => `| ${status} | \`${code}\` | \`${type}\` | ${summary} |`,
  );
  return ['| status | code | type | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** The page with its table as it should be. Throws when the page has lost its markers. */
export function withErrorTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error('docs/reference/errors.md has lost the comments around its table.');
  return `${page.slice(0, from + begin.length)}\n\n${renderErrorTable()}\n\n${page.slice(to)}`;
}

if (import.meta.main) {
  await writeFile(errorPage, withErrorTable(await readFile(errorPage, 'utf8')));
}
