import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedAudio } from './speech.ts';

/** One recording of the speech test set; its README says what the fields mean. */
export interface SharedClip {
  readonly file: string;
  readonly category: string;
  /** Seconds of sound that really decode. */
  readonly duration_s: number | null;
  readonly language: string | null;
  /** Exact words; empty: nothing is said; null: unknown. */
  readonly reference: string | null;
  /** Of malformed files: what a server should do. */
  readonly expect?: string;
}

/** The clips of ../shared/audio, none where that is not there. */
export function readSharedManifest(): readonly SharedClip[] {
  if (sharedAudio === null) return [];
  return (JSON.parse(readFileSync(join(sharedAudio, 'manifest.json'), 'utf8')) as { clips: SharedClip[] }).clips;
}
