import { invalidCursor, readCursor } from '../core/page.ts';

/** A place in a list that is ordered by time and then by id: the time as the database writes it, to the microsecond. */
export interface TimePlace {
  readonly at: string;
  readonly id: string;
}

/** null for the first page. Throws GatewayError `invalid_value` (`cursor`). */
export function readTimeCursor(cursor: string | null): TimePlace | null {
  const parts = readCursor(cursor, 2);
  if (parts === null) return null;
  const [at = '', id = ''] = parts;
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/.test(at) || !isMoment(at)) throw invalidCursor();
  return { at, id };
}

/** Whether there is such a moment: the database would fail on the 30th of February, and on the year 0. */
function isMoment(at: string): boolean {
  const ms = Date.parse(`${at.slice(0, 10)}T${at.slice(11, 19)}Z`);
  return !Number.isNaN(ms) && !at.startsWith('0000') && new Date(ms).toISOString().startsWith(at.slice(0, 10));
}
