import type { Row } from './admin-client.ts';

/** Columns of a table: the field, and its heading. */
export type Columns = Readonly<Record<string, string>>;

/**
 * Prints a list as it arrives: for people a table, whose columns are as wide as the first page needs, or one JSON object
 * a line.
 */
export async function showRows(pages: AsyncIterable<readonly Row[]>, columns: Columns, asJson: boolean): Promise<void> {
  let widths: readonly number[] | null = null;
  for await (const rows of pages) {
    if (asJson) {
      for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
      continue;
    }
    const cells = rows.map((row) => Object.keys(columns).map((field) => cellOf(row[field])));
    const headings = Object.values(columns);
    if (widths === null) {
      widths = headings.map((heading, index) => Math.max(heading.length, ...cells.map((line) => line[index]!.length)));
      process.stdout.write(lineOf(headings, widths));
    }
    for (const line of cells) process.stdout.write(lineOf(line, widths));
  }
}

/** Prints one thing, a field a line, or as JSON. */
export function showRow(row: Row, asJson: boolean): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const width = Math.max(0, ...Object.keys(row).map((name) => name.length));
  for (const [name, value] of Object.entries(row)) process.stdout.write(`${name.padEnd(width)}  ${cellOf(value)}\n`);
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return `${cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join('  ')
    .trimEnd()}\n`;
}

/** Callers choose some of these texts: none of them may steer the terminal. */
function cellOf(value: unknown): string {
  return plainOf(value).replaceAll(/\p{Cc}/gu, '\ufffd');
}

function plainOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
