import { GatewayError } from './errors.ts';

/** A part of a list that may be long. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page starts; null: this was the last. */
  readonly nextCursor: string | null;
}

export interface PageAsk {
  /** 1 to 200. */
  readonly limit: number;
  /** From the page before; null: the first page. */
  readonly cursor: string | null;
}

export const defaultPageSize = 50;
export const maxPageSize = 200;

/** An opaque cursor around the place after which the next page starts. */
export function writeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** The inverse of `writeCursor`, null for the first page. Throws GatewayError `invalid_value` (`cursor`) on anything else. */
export function readCursor(cursor: string | null, length: number): readonly string[] | null {
  if (cursor === null) return null;
  const parts = parsed(cursor);
  const fits = Array.isArray(parts) && parts.length === length && parts.every(isStorable);
  if (!fits) throw invalidCursor();
  return parts;
}

export function invalidCursor(): GatewayError {
  return new GatewayError('invalid_value', 'cursor is not one that this list gave.', { param: 'cursor' });
}

/** No database takes the character 0, or half of a character. */
function isStorable(part: unknown): part is string {
  return typeof part === 'string' && part.isWellFormed() && !part.includes('\0');
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    // Not JSON: the caller hears that it is no cursor.
    return null;
  }
}

/** Cuts what was read with one row more than the limit into a page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => readonly string[],
  itemOf: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    nextCursor: rows.length > limit && last !== undefined ? writeCursor(cursorOf(last)) : null,
  };
}
