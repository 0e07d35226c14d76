import { readFileSync } from 'node:fs';

/** What the system says of a process. */
export interface ChildUsage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** Linux counts processor time in hundredths of a second for user programs, whatever the kernel's own tick. */
const TICK_MS = 10;

/** Memory and processor time of a process of ours; null where /proc does not tell (other systems, or it is gone). */
export function childUsage(pid: number): ChildUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in brackets, which may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    return { cpuMs, rssBytes: Number(fields[21]) * PAGE_BYTES };
  } catch {
    return null;
  }
}

/** Pages are larger on a few ARM systems; then memory is under-counted here, and the process's own check still holds. */
const PAGE_BYTES = 4096;
