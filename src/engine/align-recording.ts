import { type PlacedWord, placeWords } from './align/place-words.ts';
import { alignStretches, canAlignStretches, type TextStretch } from './align-stretches.ts';
import { hearRecording, SPARE_WINDOWS, shiftedWords } from './hear-recording.ts';
import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import type { HeardWord } from './protocol.ts';
import type { HeardWindow, RecordingAsk } from './recording-ask.ts';
import { windowsOf } from './recording-windows.ts';
import { VAD_FRAME_MS } from './vad/silero-vad.ts';
import { MAX_WINDOW_MS } from './windows/speech-regions.ts';

export interface AlignmentAsk {
  readonly modelId: string;
  /** Opens the sound from its beginning; called up to twice. */
  readonly openPcm: () => AsyncIterable<Float32Array>;
  readonly durationMs: number;
  /** The words of the text in order; none empty. */
  readonly words: readonly string[];
  /** ISO-639-1; null: the model's own, or found out. */
  readonly language: string | null;
  /** Where parts of the text are spoken, all words together; left out: nothing is known of it. */
  readonly stretches?: readonly TextStretch[];
  readonly signal: AbortSignal;
}

/**
 * Times and probabilities of a text that somebody else wrote, over a recording of any length: one entry for each word.
 * Up to 25 s in one pass. In longer recordings each part of the text is looked for where it is known to be spoken; where
 * that is not known, our own model hears the recording first, which tells in which window each word was spoken, and then
 * each window's words are aligned within it.
 */
export async function alignRecording(pool: EnginePool, ask: AlignmentAsk, workers: number): Promise<HeardWord[]> {
  if (ask.words.length === 0) return [];
  const stop = new AbortController();
  const signal = AbortSignal.any([ask.signal, stop.signal]);
  try {
    if (ask.durationMs <= MAX_WINDOW_MS) return await alignClip(pool, ask, signal);
    const { stretches } = ask;
    if (stretches && stretches.length > 0 && canAlignStretches(stretches)) {
      return await alignStretches(pool, ask, stretches, { signal, workers });
    }
    return await alignLong(pool, ask, signal, workers);
  } finally {
    stop.abort();
  }
}

async function alignClip(pool: EnginePool, ask: AlignmentAsk, signal: AbortSignal): Promise<HeardWord[]> {
  const sound = new PcmWindow();
  for await (const chunk of ask.openPcm()) sound.append(chunk);
  const job = {
    type: 'align',
    modelId: ask.modelId,
    pcm: sound.slice(0, sound.end),
    speech: null,
    words: ask.words,
    language: ask.language,
  } as const;
  return [...(await pool.run(ask, job, signal)).words];
}

async function alignLong(
  pool: EnginePool,
  ask: AlignmentAsk,
  signal: AbortSignal,
  workers: number,
): Promise<HeardWord[]> {
  const heard = await hearOwnWords(pool, ask, signal, workers);
  // Nothing was heard where somebody else wrote text: there is no sound to give its words times from.
  if (heard.length === 0)
    return ask.words.map((text) => ({ text, glued: false, startMs: null, endMs: null, tokens: [], confidence: null }));
  const byWindow = Map.groupBy(
    placeWords(ask.words, heard).map((window, index) => ({ window, text: ask.words[index]! })),
    (one) => one.window,
  );
  const running: Promise<HeardWord[]>[] = [];
  const aligned: HeardWord[] = [];
  let index = 0;
  for await (const { window, pcm, speech } of windowsOf(pool, ask, ask.openPcm(), signal)) {
    const words = byWindow.get(index++)?.map((one) => one.text);
    if (!words) continue;
    const job = { type: 'align', modelId: ask.modelId, pcm, speech, words, language: ask.language } as const;
    const done = pool.run(ask, job, signal).then((one) => shiftedWords(one.words, window.startFrame * VAD_FRAME_MS));
    done.catch(() => undefined);
    running.push(done);
    const first = running.length >= workers + SPARE_WINDOWS ? running.shift() : undefined;
    if (first) aligned.push(...(await first));
  }
  for (const done of running) aligned.push(...(await done));
  return aligned;
}

/** Our own words of the recording, each with the number of its window. */
async function hearOwnWords(
  pool: EnginePool,
  ask: AlignmentAsk,
  signal: AbortSignal,
  workers: number,
): Promise<PlacedWord[]> {
  const words: PlacedWord[] = [];
  let index = 0;
  const recording: RecordingAsk = {
    modelId: ask.modelId,
    pcm: ask.openPcm(),
    durationMs: ask.durationMs,
    wantTimes: false,
    task: 'transcribe',
    language: ask.language,
    signal,
  };
  for await (const window of hearRecording(pool, recording, workers) satisfies AsyncIterable<HeardWindow>) {
    for (const word of window.words) words.push({ text: word.text, window: index });
    index++;
  }
  return words;
}
