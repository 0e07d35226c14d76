import type { ModelShelf } from '../compose-shelf.ts';
import type { FetchProgress } from '../models/fetch-parts.ts';

/** Makes artifacts installed and tells a person on standard error what happens; says nothing when all are there. */
export async function fetchModels(
  { store }: ModelShelf,
  artifactIds: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (const id of artifactIds) {
    const display = createDisplay(id);
    try {
      const outcome = await store.ensure(id, {
        ...(signal && { signal }),
        onProgress: (progress) => display.show(progress),
        onWait: () => display.note(`Waiting for another fluxscribe that is fetching into ${store.dir} …`),
      });
      display.end();
      if (outcome === 'fetched') display.note(`Model ${id} is in ${store.dir}, checked.`);
    } finally {
      display.end();
    }
  }
}

export interface Display {
  show(progress: FetchProgress): void;
  note(line: string): void;
  end(): void;
}

/** A bar on a terminal; elsewhere a line at the start and one for each further quarter, so that logs stay short. */
export function createDisplay(artifactId: string): Display {
  const note = (line: string) => process.stderr.write(`${line}\n`);
  return process.stderr.isTTY ? barDisplay(artifactId, note) : lineDisplay(artifactId, note);
}

function lineDisplay(artifactId: string, note: Display['note']): Display {
  let heading = '';
  let nextShare = 0;
  return {
    show(progress) {
      const { doneBytes, totalBytes } = progress;
      const now = headingOf(artifactId, progress);
      if (now !== heading) {
        note(`${now}${sizeOf(progress)} …`);
        heading = now;
        nextShare = 0.25;
      }
      if (totalBytes === null) return;
      const share = doneBytes / totalBytes;
      if (share < nextShare) return;
      note(`  ${Math.floor(share * 100)} %${progress.phase === 'fetch' ? ` of ${megabytes(totalBytes)}` : ''}`);
      nextShare = Math.floor(share * 4 + 1) / 4;
    },
    note,
    end() {},
  };
}

function headingOf(artifactId: string, { phase, from }: FetchProgress): string {
  if (phase === 'fetch') return `Fetching ${artifactId} from ${from}`;
  return phase === 'convert' ? `Converting ${artifactId}` : `Importing ${artifactId}`;
}

function sizeOf({ phase, totalBytes }: FetchProgress): string {
  if (phase !== 'fetch') return '';
  return ` (${totalBytes === null ? 'size unknown' : megabytes(totalBytes)})`;
}

function barDisplay(artifactId: string, note: Display['note']): Display {
  type Bar = { update(done: number, payload: object): void; setTotal(total: number): void; stop(): void };
  let bar: Bar | null = null;
  let latest: FetchProgress | null = null;
  let heading = '';
  let ended = false;
  const draw = () => {
    if (!bar || !latest || ended) return;
    bar.setTotal(latest.totalBytes ?? latest.doneBytes);
    const size = `${megabytes(latest.doneBytes)} of ${megabytes(latest.totalBytes ?? 0)}`;
    bar.update(latest.doneBytes, { size: latest.phase === 'fetch' ? size : '' });
  };
  return {
    show(progress) {
      const now = headingOf(artifactId, progress);
      // The bar stays on the last line; what it is about stands in front of it.
      if (now !== heading && bar) process.stderr.write('\n');
      if (now !== heading) note(now);
      heading = now;
      if (!latest) {
        // The library is loaded by the first byte: a start that fetches nothing does not pay for it.
        void import('cli-progress').then(({ default: progressBars }) => {
          if (ended) return;
          const format = '  [{bar}] {percentage} %  {size}  {eta_formatted} left';
          const single = new progressBars.SingleBar({ format, stream: process.stderr, hideCursor: true });
          single.start(1, 0, { size: '' });
          bar = single;
          draw();
        });
      }
      latest = progress;
      draw();
    },
    note,
    end() {
      if (ended) return;
      ended = true;
      bar?.stop();
    },
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
