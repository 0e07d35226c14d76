import { readFileSync } from 'node:fs';
import { sharedAudio } from './bench-engine.ts';
import { duoClips, readSound } from './duo-clips.ts';

/** One recording with what is said in it. */
export interface AccuracyClip {
  readonly id: string;
  readonly category: string;
  /** ISO-639-1 of what is spoken; null: nothing is. */
  readonly language: string | null;
  /** Exact words; '' where nobody speaks, null where nobody knows. */
  readonly reference: string | null;
  pcm(): Promise<Float32Array>;
}

interface ManifestClip {
  readonly file: string;
  readonly category: string;
  readonly language: string | null;
  readonly reference: string | null;
}

const more = ['multi-speaker', 'other-language', 'non-speech'];
/** Minutes instead of half an hour. */
const quickCategories = ['english-read', 'noisy', 'spontaneous', 'telephone', ...more];

/** The speech test set as it is scored: utterances of the long files one by one, other recordings whole. */
export async function accuracyClips(quick: boolean): Promise<readonly AccuracyClip[]> {
  const { clips } = JSON.parse(readFileSync(`${sharedAudio}manifest.json`, 'utf8')) as { clips: ManifestClip[] };
  const english = (await duoClips()).map((clip): AccuracyClip => ({ ...clip, language: 'en', pcm: () => clip.pcm() }));
  const others = clips
    .filter((one) => more.includes(one.category))
    .map(({ file, category, language, reference }): AccuracyClip => {
      const spoken = category === 'non-speech' ? null : language;
      return { id: file, category, language: spoken, reference, pcm: () => readSound(`${sharedAudio}${file}`) };
    });
  const all = [...english, ...others];
  return quick ? all.filter((one) => quickCategories.includes(one.category)) : all;
}
