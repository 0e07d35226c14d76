import type { Recording } from './find-recordings.ts';

/** What a person sees on standard error while recordings are written down. */
export interface ProgressDisplay {
  /** A recording is known to be this long, and this much of it is done. */
  advanced(index: number, processedMs: number, durationMs: number): void;
  finished(index: number, durationMs: number, workMs: number): void;
  failed(index: number, reason: string): void;
  /** The last word: counts, length and speed of everything. */
  end(): void;
}

/** A bar with the speed on a terminal, a line for each recording elsewhere, failures alone when quiet. */
export async function createProgressDisplay(
  recordings: readonly Recording[],
  quiet: boolean,
): Promise<ProgressDisplay> {
  const startedAt = performance.now();
  const processed = recordings.map(() => 0);
  const share = recordings.map(() => 0);
  let done = 0;
  let failures = 0;
  const bar = quiet || !process.stderr.isTTY ? null : await createBar(recordings.length);
  const note = (line: string) => (bar ? bar.log(line) : process.stderr.write(`${line}\n`));
  const speed = () => {
    const audioMs = processed.reduce((sum, one) => sum + one, 0);
    return `${lengthText(audioMs)} of audio, ${speedText(audioMs, performance.now() - startedAt)}`;
  };
  const draw = () =>
    bar?.update(
      share.reduce((sum, one) => sum + one, 0),
      `${done}/${recordings.length}`,
      speed(),
    );
  return {
    advanced(index, processedMs, durationMs) {
      processed[index] = processedMs;
      share[index] = durationMs > 0 ? Math.min(1, processedMs / durationMs) : 0;
      draw();
    },
    finished(index, durationMs, workMs) {
      processed[index] = durationMs;
      share[index] = 1;
      done++;
      if (!bar && !quiet) {
        note(
          `${recordings[index]?.name}: ${lengthText(durationMs)} in ${(workMs / 1000).toFixed(1)} s, ${speedText(durationMs, workMs)}`,
        );
      }
      draw();
    },
    failed(index, reason) {
      share[index] = 1;
      failures++;
      note(`${recordings[index]?.name}: failed: ${reason}`);
      draw();
    },
    end() {
      bar?.stop();
      if (quiet || recordings.length === 1) return;
      process.stderr.write(
        `${done} of ${recordings.length} done${failures > 0 ? `, ${failures} failed` : ''}; ${speed()}\n`,
      );
    },
  };
}

interface Bar {
  update(value: number, files: string, speed: string): void;
  /** A line above the bar. */
  log(line: string): void;
  stop(): void;
}

async function createBar(total: number): Promise<Bar> {
  const { default: progressBars } = await import('cli-progress');
  const format = '[{bar}] {percentage} %  {files}  {speed}';
  // A multi-bar with one bar: it alone can write lines above.
  const bars = new progressBars.MultiBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: false });
  const bar = bars.create(total, 0, { files: `0/${total}`, speed: '' });
  return {
    update: (value, files, speed) => bar.update(value, { files, speed }),
    log: (line) => bars.log(`${line}\n`),
    stop: () => bars.stop(),
  };
}

/** `1:02:05` or `0:09`. */
function lengthText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** How fast, and as the real-time factor: seconds of work for one second of audio. */
function speedText(audioMs: number, workMs: number): string {
  if (audioMs === 0 || workMs === 0) return 'no speed yet';
  return `${(audioMs / workMs).toFixed(1)} times real time (RTF ${(workMs / audioMs).toFixed(3)})`;
}
