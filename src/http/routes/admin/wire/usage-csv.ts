import type { UsageGroup, UsageRow } from '../../../../metering/usage-store.ts';
import { sumNames, usageToWire } from './usage-wire.ts';

/** The first line of a usage file: the groups that were asked for, then the sums. */
export function csvHead(groups: readonly UsageGroup[]): string {
  return line([...groups, ...sumNames]);
}

/** The rows of a usage file (RFC 4180). */
export function csvRows(groups: readonly UsageGroup[], rows: readonly UsageRow[]): string {
  return rows
    .map((row) => {
      const wire = usageToWire(row);
      return line([
        ...groups.map((group) => harmless(wire[group] ?? '')),
        ...sumNames.map((name) => String(wire[name])),
      ]);
    })
    .join('');
}

function line(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Callers choose the names of models: a spreadsheet must not take one for a formula. */
function harmless(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}
