import { spreadWords } from '../core/spread-words.ts';
import { SPARE_WINDOWS, shiftedWords } from './hear-recording.ts';
import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import type { HeardWord } from './protocol.ts';
import { MAX_WINDOW_MS } from './windows/speech-regions.ts';

/** A part of a known text, and where it is spoken as whoever wrote it says. */
export interface TextStretch {
  /** How many of the text's words, after those of the stretches before it. */
  readonly wordCount: number;
  /** Starts never decrease. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Sound on both sides that is listened to as well: others round the times of their segments, up to a quarter second. */
const PAD_MS = 300;
const SAMPLES_PER_MS = 16;
/** Less sound than this has no words in it. */
const LEAST_SAMPLES = 100 * SAMPLES_PER_MS;

/** Neighbouring stretches that are listened to at once. */
interface Group {
  readonly fromMs: number;
  toMs: number;
  readonly words: string[];
}

/** Whether each stretch is short enough to be listened to by itself. */
export function canAlignStretches(stretches: readonly TextStretch[]): boolean {
  return stretches.every(({ startMs, endMs }) => endMs - startMs + 2 * PAD_MS <= MAX_WINDOW_MS);
}

export interface StretchesAsk {
  readonly modelId: string;
  readonly openPcm: () => AsyncIterable<Float32Array>;
  readonly words: readonly string[];
  readonly language: string | null;
}

/**
 * Times of a known text whose parts have rough times already: each part is looked for there and nowhere else, so nothing
 * has to be heard first. Keeps one window of sound, and those that wait.
 */
export async function alignStretches(
  pool: EnginePool,
  ask: StretchesAsk,
  stretches: readonly TextStretch[],
  { signal, workers }: { readonly signal: AbortSignal; readonly workers: number },
): Promise<HeardWord[]> {
  const groups = groupsOf(ask.words, stretches);
  const sound = new PcmWindow();
  const running: Promise<readonly HeardWord[]>[] = [];
  const aligned: HeardWord[] = [];
  let next = 0;
  const start = async (group: Group): Promise<void> => {
    const startMs = Math.max(0, group.fromMs - PAD_MS);
    const pcm = sound.slice(startMs * SAMPLES_PER_MS, (group.toMs + PAD_MS) * SAMPLES_PER_MS);
    const done = pcm.length < LEAST_SAMPLES ? Promise.resolve(unheard(group)) : alignGroup(group, pcm, startMs);
    // It is awaited in its turn; until then a failure must not count as unhandled.
    done.catch(() => undefined);
    running.push(done);
    next++;
    const first = running.length >= workers + SPARE_WINDOWS ? running.shift() : undefined;
    if (first) aligned.push(...(await first));
  };
  const alignGroup = async ({ words }: Group, pcm: Float32Array, startMs: number) => {
    const { modelId, language } = ask;
    const job = { type: 'align', modelId, pcm, speech: null, words, language } as const;
    return shiftedWords((await pool.run(ask, job, signal)).words, startMs);
  };
  for await (const chunk of ask.openPcm()) {
    sound.append(chunk);
    for (let group = groups[next]; group; group = groups[next]) {
      if ((group.toMs + PAD_MS) * SAMPLES_PER_MS > sound.end) break;
      await start(group);
    }
    const waiting = groups[next];
    if (!waiting) break;
    // Nothing is looked for before the next group: that sound need not be kept.
    sound.forgetBefore((waiting.fromMs - PAD_MS) * SAMPLES_PER_MS);
  }
  for (let group = groups[next]; group; group = groups[next]) await start(group);
  for (const done of running) aligned.push(...(await done));
  return aligned;
}

function groupsOf(words: readonly string[], stretches: readonly TextStretch[]): Group[] {
  const groups: Group[] = [];
  let at = 0;
  for (const { wordCount, startMs, endMs } of stretches) {
    const own = words.slice(at, at + wordCount);
    at += wordCount;
    if (own.length === 0) continue;
    const group = groups.at(-1);
    if (group && Math.max(group.toMs, endMs) - group.fromMs + 2 * PAD_MS <= MAX_WINDOW_MS) {
      group.words.push(...own);
      group.toMs = Math.max(group.toMs, endMs);
    } else {
      groups.push({ fromMs: startMs, toMs: endMs, words: [...own] });
    }
  }
  return groups;
}

/** The recording ends before these words are said to be spoken: only the word of whoever wrote them is left. */
function unheard({ words, fromMs, toMs }: Group): HeardWord[] {
  return spreadWords(words, [{ startMs: fromMs, endMs: toMs }]).map((times, index) => {
    return { text: words[index]!, glued: false, ...times, tokens: [], confidence: null };
  });
}
