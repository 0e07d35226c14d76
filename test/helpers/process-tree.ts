import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** One process as the system sees it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly residentBytes: number;
}

const pageBytes = 4096;

/** Every process of this machine that we may see. Reads /proc where there is one; elsewhere asks `ps`. */
export function listProcesses(): ProcessEntry[] {
  return existsSync('/proc/self/stat') ? listFromProc() : listFromPs();
}

/** All descendants of a process, children first. */
export function descendantsOf(pid: number, table = listProcesses()): ProcessEntry[] {
  const children = table.filter((one) => one.parentPid === pid);
  return [...children, ...children.flatMap((child) => descendantsOf(child.pid, table))];
}

/** Resident memory of a process and all below it, in bytes. Pages that they share are counted once for each. */
export function residentBytesOf(pid: number): number {
  const table = listProcesses();
  const own = table.filter((one) => one.pid === pid);
  return [...own, ...descendantsOf(pid, table)].reduce((sum, one) => sum + one.residentBytes, 0);
}

/** What the process runs, as it was started. Empty where the system does not tell, or the process is gone. */
export function commandLineOf(pid: number): string {
  try {
    if (existsSync('/proc/self/stat')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Whether the process runs; one that has ended but was not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return !existsSync('/proc/self/stat');
  }
}

function listFromProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // `pid (name) state ppid …`; the name may hold anything, also brackets, so the count starts behind its end.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parentPid: Number(fields[1]), residentBytes: Number(fields[21]) * pageBytes }];
    } catch {
      // Ended between the listing and the reading.
      return [];
    }
  });
}

function listFromPs(): ProcessEntry[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => {
    const [pid, parentPid, kibibytes] = line.trim().split(/\s+/).map(Number);
    return { pid: pid!, parentPid: parentPid!, residentBytes: kibibytes! * 1024 };
  });
}
