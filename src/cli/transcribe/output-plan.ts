import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { ResponseFormat } from '../../rendering/rendering-ask.ts';
import { UsageError } from '../usage-error.ts';
import type { Recording } from './find-recordings.ts';

const extensions: Readonly<Record<ResponseFormat, string>> = {
  text: '.txt',
  json: '.json',
  verbose_json: '.json',
  diarized_json: '.json',
  srt: '.srt',
  vtt: '.vtt',
};

/** Where transcripts go: in the order of the recordings, whatever is finished first. */
export interface OutputPlan {
  /** Takes a finished transcript, or null for a recording that failed. */
  deliver(index: number, content: string | null): Promise<void>;
}

/**
 * Standard output for one recording or for text and JSON of several, otherwise files. Throws UsageError when several
 * subtitle files would have to share one place.
 */
export async function planOutput(
  recordings: readonly Recording[],
  format: ResponseFormat,
  out: string | null,
  outIsFolder: boolean,
): Promise<OutputPlan> {
  if (out !== null) return fileOutput(outputPaths(recordings, format, out, outIsFolder));
  if (recordings.length > 1 && (format === 'srt' || format === 'vtt')) {
    throw new UsageError(`Several ${format} files need a folder: add --out FOLDER.`);
  }
  return standardOutput(recordings, format);
}

/** One path a recording; those that would meet keep their own extension too (`talk.mp3.srt`), and then a number. */
export function outputPaths(
  recordings: readonly Recording[],
  format: ResponseFormat,
  out: string,
  outIsFolder: boolean,
): readonly string[] {
  if (!outIsFolder && recordings.length === 1) return [resolve(out)];
  if (!outIsFolder && extname(out) !== '')
    throw new UsageError(`Several transcripts need a folder: ${out} names a file.`);
  const extension = extensions[format];
  const plain = recordings.map(({ place }) =>
    join(out, place.slice(0, place.length - extname(place).length) + extension),
  );
  const taken = new Set<string>();
  return recordings.map(({ place }, index) => {
    const isShared = plain.indexOf(plain[index]!) !== plain.lastIndexOf(plain[index]!);
    let path = isShared ? join(out, place + extension) : plain[index]!;
    for (let number = 2; taken.has(path); number++) path = join(out, `${place}-${number}${extension}`);
    taken.add(path);
    return resolve(path);
  });
}

function fileOutput(paths: readonly string[]): OutputPlan {
  return {
    async deliver(index, content) {
      const path = paths[index];
      if (content === null || path === undefined) return;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content.endsWith('\n') ? content : `${content}\n`);
    },
  };
}

function standardOutput(recordings: readonly Recording[], format: ResponseFormat): OutputPlan {
  const waiting = new Map<number, string | null>();
  let next = 0;
  return {
    async deliver(index, content) {
      waiting.set(index, content);
      for (let ready = waiting.get(next); ready !== undefined; ready = waiting.get(++next)) {
        waiting.delete(next);
        if (ready !== null) process.stdout.write(`${labelled(recordings, next, format, ready)}\n`);
      }
    },
  };
}

/** Several transcripts in one stream say whose they are: JSON as one object a line, text under a heading. */
function labelled(recordings: readonly Recording[], index: number, format: ResponseFormat, content: string): string {
  const trimmed = content.replace(/\n+$/, '');
  const name = recordings[index]?.name ?? '';
  if (recordings.length === 1) return trimmed;
  if (format === 'text') return `== ${name}\n${trimmed}\n`;
  const body: object = JSON.parse(trimmed);
  return JSON.stringify({ file: name, ...body });
}
