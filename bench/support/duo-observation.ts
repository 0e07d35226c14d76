import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockEvidence } from '../../src/engine/duo/block-choice.ts';
import { blockEvidence } from '../../src/engine/duo/block-evidence.ts';
import { highBandRangeDb } from '../../src/engine/duo/high-band-range.ts';
import { type WordBlock, wordBlocks } from '../../src/engine/duo/word-blocks.ts';
import { groupWords } from '../../src/engine/hearing/group-words.ts';
import type { DecodeAsk, LanguageGuess, SpeechModel } from '../../src/engine/speech-model.ts';
import type { DuoClip, Part } from './duo-clips.ts';

/** A word with the log-probabilities of its tokens. */
export interface ObservedWord {
  readonly text: string;
  readonly logprobs: readonly number[];
}

export interface ObservedText {
  readonly words: readonly ObservedWord[];
  /** The model ended the text itself. */
  readonly ended: boolean;
}

/** Steps whose cost is counted, in CPU seconds. */
export const STEPS = [
  'englishEncode',
  'englishWrite',
  'generalEncode',
  'generalWrite',
  'identify',
  'evidence',
] as const;
export type Step = (typeof STEPS)[number];

/** All that both models say of one clip: enough to fit and to score every choice without running them again. */
export interface Observation {
  readonly id: string;
  readonly category: string;
  readonly part: Part;
  readonly reference: string;
  readonly durationS: number;
  readonly english: ObservedText;
  readonly general: ObservedText;
  /** General on the left, English on the right. */
  readonly blocks: readonly WordBlock[];
  /** Of the differing blocks, in order; empty when one text is. */
  readonly evidence: readonly BlockEvidence[];
  readonly languages: readonly LanguageGuess[];
  /** Of the sound, see high-band-range.ts. */
  readonly highBandRangeDb: number;
  readonly cpuS: Readonly<Record<Step, number>>;
}

/** What the models say; how the sound is comes from another file, so that a change of it costs no hearing again. */
type Heard = Omit<Observation, 'highBandRangeDb'>;

const ask: DecodeAsk = { language: 'en', task: 'transcribe' };
/** Change when what is observed does, so that old files are not read as new ones. */
const HEARD_VERSION = 'observation 2';
const SOUND_VERSION = 'high band 1';

/** The observation of a clip out of the cache folder, or made and kept there. */
export async function observe(
  clip: DuoClip,
  folder: string,
  models: () => Promise<{ readonly english: SpeechModel; readonly general: SpeechModel }>,
): Promise<Observation> {
  mkdirSync(folder, { recursive: true });
  const heard = await kept(folder, `${HEARD_VERSION} ${clip.id}`, async (): Promise<Heard> => {
    const { english, general } = await models();
    return listen(clip, english, general);
  });
  const rangeDb = await kept(folder, `${SOUND_VERSION} ${clip.id}`, async () => highBandRangeDb(await clip.pcm()));
  const { part, category, reference } = clip;
  return { ...heard, part, category, reference, highBandRangeDb: rangeDb };
}

async function kept<Made>(folder: string, key: string, make: () => Promise<Made>): Promise<Made> {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 20);
  const path = join(folder, `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Made;
  const made = await make();
  writeFileSync(`${path}.part`, JSON.stringify(made));
  renameSync(`${path}.part`, path);
  return made;
}

async function listen(clip: DuoClip, english: SpeechModel, general: SpeechModel): Promise<Heard> {
  const pcm = await clip.pcm();
  const cpuS: Record<Step, number> = {
    englishEncode: 0,
    englishWrite: 0,
    generalEncode: 0,
    generalWrite: 0,
    identify: 0,
    evidence: 0,
  };
  const timed = async <Result>(step: Step, work: () => Promise<Result>): Promise<Result> => {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    cpuS[step] += (user + system) / 1e6;
    return result;
  };
  const never = () => false;
  const englishWindow = await timed('englishEncode', () => english.encode(pcm));
  const englishHeard = await timed('englishWrite', () => english.greedy(englishWindow, ask, never));
  const generalWindow = await timed('generalEncode', () => general.encode(pcm));
  const generalHeard = await timed('generalWrite', () => general.greedy(generalWindow, ask, never));
  const languages = (await timed('identify', () => general.identify(generalWindow))).slice(0, 3);
  const englishWords = groupWords(english.tokenizer, englishHeard.ids, englishHeard.logprobs).words;
  const generalWords = groupWords(general.tokenizer, generalHeard.ids, generalHeard.logprobs).words;
  const texts = [generalWords, englishWords].map((words) => words.map((one) => one.text)) as [string[], string[]];
  const blocks = wordBlocks(...texts);
  const evidence =
    englishWords.length === 0 || generalWords.length === 0
      ? []
      : await timed('evidence', () =>
          blockEvidence(
            { model: english, window: englishWindow, ask, words: texts[1] },
            { model: general, window: generalWindow, ask, words: texts[0] },
            blocks,
          ),
        );
  const observed = (words: typeof englishWords, ended: boolean): ObservedText => ({
    words: words.map((word) => ({ text: word.text, logprobs: word.tokens.map((one) => one.logprob) })),
    ended,
  });
  const { id, category, part, reference } = clip;
  return {
    id,
    category,
    part,
    reference,
    durationS: pcm.length / 16_000,
    english: observed(englishWords, englishHeard.ended),
    general: observed(generalWords, generalHeard.ended),
    blocks,
    evidence,
    languages,
    cpuS,
  };
}
