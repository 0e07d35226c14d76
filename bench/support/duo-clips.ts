import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createAudioOpener } from '../../src/audio/opener.ts';
import { silentLog } from '../../src/core/log.ts';
import { sharedAudio } from './bench-engine.ts';
import { joined, noisy, telephone } from './spoilt-sound.ts';

/** Two folds to fit and choose on, crosswise; and a part that is scored once, at the end. */
export type Part = 'fold-0' | 'fold-1' | 'untouched';

/** One utterance for the training and the scoring of two models together. */
export interface DuoClip {
  readonly id: string;
  readonly category: string;
  readonly part: Part;
  readonly reference: string;
  /** Mono, 16 kHz, at most 25 s long or so: one window. */
  pcm(): Promise<Float32Array>;
}

interface ManifestClip {
  readonly file: string;
  readonly category: string;
  readonly language: string | null;
  readonly reference: string | null;
  readonly duration_s: number;
  readonly speaker_ids?: readonly string[];
  readonly segments?: string;
}

interface Segment {
  readonly start: number;
  readonly end: number;
  readonly speaker: string;
  readonly utterance: string;
  readonly text: string;
}

const RATE = 16_000;

/**
 * The English clips of the speech test set as utterances: the short ones as they are, those of the two long files cut at
 * their exact times (each once), and part of these made noisy and made like a telephone call. Speakers are in one part
 * only, whatever they are made to sound like.
 */
export async function duoClips(): Promise<readonly DuoClip[]> {
  const { clips } = JSON.parse(readFileSync(`${sharedAudio}manifest.json`, 'utf8')) as { clips: ManifestClip[] };
  const short = clips
    .filter((one) => ['english-read', 'noisy', 'spontaneous', 'telephone'].includes(one.category) && one.reference)
    .map((one): DuoClip => {
      return {
        id: one.file.replaceAll('/', '_'),
        category: one.category,
        part: partOf(one.speaker_ids?.[0] ?? one.file),
        reference: one.reference ?? '',
        pcm: () => wholeSound(one.file),
      };
    });
  const seen = new Set<string>();
  const long = clips
    .filter((one) => one.category === 'long' && one.segments)
    .flatMap((one) => {
      const segments = JSON.parse(readFileSync(`${sharedAudio}${one.segments}`, 'utf8')) as Segment[];
      return segments.flatMap((segment) => {
        if (seen.has(segment.utterance)) return [];
        seen.add(segment.utterance);
        return [utterance(one.file, segment)];
      });
    });
  return [...short, ...long, ...long.flatMap(spoilt)];
}

function utterance(file: string, segment: Segment): DuoClip {
  return {
    id: `long_${segment.utterance}`,
    category: 'long',
    part: partOf(segment.speaker),
    reference: segment.text,
    pcm: async () => (await wholeSound(file)).slice(Math.floor(segment.start * RATE), Math.ceil(segment.end * RATE)),
  };
}

/** Every third utterance in noise of 3 to 10 dB, another third through a telephone. */
function spoilt(clip: DuoClip): DuoClip[] {
  const choice = hash(`spoilt ${clip.id}`) % 3;
  if (choice === 2) return [];
  const seed = hash(clip.id);
  return [
    {
      ...clip,
      id: clip.id.replace('long', choice === 0 ? 'noisy' : 'telephone'),
      category: choice === 0 ? 'made-noisy' : 'made-telephone',
      pcm: async () => {
        const pcm = await clip.pcm();
        return choice === 0 ? noisy(pcm, seed) : telephone(pcm, seed);
      },
    },
  ];
}

/**
 * By speaker, so that no voice is on both sides; a quarter is never looked at until the end. The number was chosen by
 * nothing but the count of clips: it is the first that spreads the few clips that are no long file's over all parts.
 */
function partOf(speaker: string): Part {
  const place = hash(`87 ${speaker}`) % 8;
  return place < 3 ? 'fold-0' : place < 6 ? 'fold-1' : 'untouched';
}

function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

const opener = createAudioOpener({ workers: 1, maxOpenRequests: 4, log: silentLog });
/** The long files are cut many times in turn: the sounds read last are kept, an hour's is 230 MB. */
const KEPT_SOUNDS = 3;
const sounds = new Map<string, Promise<Float32Array>>();

function wholeSound(file: string): Promise<Float32Array> {
  const known = sounds.get(file);
  if (known) return known;
  const oldest = sounds.size >= KEPT_SOUNDS ? [...sounds.keys()].find((name) => !name.startsWith('long/')) : undefined;
  if (oldest !== undefined) sounds.delete(oldest);
  const read = readSound(`${sharedAudio}${file}`);
  sounds.set(file, read);
  return read;
}

/** A file's sound, mono at 16 kHz. */
export async function readSound(path: string): Promise<Float32Array> {
  const { signal } = new AbortController();
  const audio = await opener.open({ path, sizeBytes: (await stat(path)).size }, { maxDurationMs: 7_200_000 }, signal);
  const chunks: Float32Array[] = [];
  for await (const chunk of audio.pcm(signal)) chunks.push(chunk.slice());
  return joined(chunks);
}

export function closeSounds(): Promise<void> {
  return opener.close();
}
