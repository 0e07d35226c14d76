import { readdirSync, readFileSync } from 'node:fs';
import { descendantsOf } from '../../test/helpers/process-tree.ts';

/**
 * Processor time of a process and everything below it so far, in microseconds: the sum over all threads, to the
 * nanosecond where the kernel keeps scheduling statistics, else in its ticks of 10 ms.
 */
export function cpuMicroseconds(pid: number): number {
  return [pid, ...descendantsOf(pid).map((one) => one.pid)].reduce((sum, one) => sum + ofProcess(one), 0);
}

function ofProcess(pid: number): number {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.reduce((sum, task) => sum + ofTask(`/proc/${pid}/task/${task}`), 0);
  } catch {
    // It has ended since it was listed.
    return 0;
  }
}

function ofTask(folder: string): number {
  try {
    return Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  } catch {
    const stat = readFileSync(`${folder}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }
}
