import { spreadWords } from '../core/spread-words.ts';
import { alignTokens, type WordTimes } from './align/align-tokens.ts';
import { chooseLanguage } from './hearing/choose-language.ts';
import { type GroupedWords, groupWords, isUnspacedBetween, type WrittenWord } from './hearing/group-words.ts';
import { hearWindow, type Piece, speechBetween } from './hearing/hear-window.ts';
import { isBelievable, isOverSilence, remarksIn, stockEnding } from './hearing/trusted-words.ts';
import type { ListenAsk } from './listener.ts';
import { type AlignResult, type HeardWord, nothingHeard, type RecogniseResult } from './protocol.ts';
import type { DecodeAsk, ForcedResult, SpeechModel } from './speech-model.ts';
import { type SileroVad, VAD_FRAME_MS } from './vad/silero-vad.ts';
import { speechRegions } from './windows/speech-regions.ts';
import type { SpeechRegion } from './windows/window-planner.ts';

/** Speech from this length on that stays without text is reported as unheard. Laughs and music seen: up to 1,030 ms. */
const UNHEARD_SPEECH_MS = 1_200;

const SAMPLES_PER_MS = 16;

/** A model under the id that results name it by. */
export interface NamedModel<Encoded> {
  /** Artifact id. */
  readonly id: string;
  readonly model: SpeechModel<Encoded>;
}

/** What the detector says about a window. */
interface Speech {
  /** Speech probability of each 32 ms frame. */
  readonly probabilities: Float32Array;
  readonly regions: readonly SpeechRegion[];
}

/** Turns one window of sound into words, whatever it takes; and finds the times of words that are known. */
export class WindowRecogniser {
  readonly #vad: SileroVad;

  constructor(vad: SileroVad) {
    this.#vad = vad;
  }

  /**
   * What is said in `pcm` (mono, 16 kHz; samples that are no numbers count as silence). Nothing is decoded where nobody
   * speaks. What cannot be right is tried again in other ways; remarks about the sound, loops and text over silence are
   * left out; what stays empty over clear speech is reported as unheard. The language is found from the window itself when
   * `ask` names none and the model knows several. Confidence is not filled in here.
   */
  async recognise<Encoded>(
    { id, model }: NamedModel<Encoded>,
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult> {
    const sound = withoutFaults(pcm);
    const speech = await this.#speech(sound, knownSpeech);
    const { regions } = speech;
    const first = regions[0];
    const last = regions.at(-1);
    if (!first || !last) return nothingHeard;
    const lengthMs = sound.length / SAMPLES_PER_MS;
    const speechMs = speechBetween(regions, 0, lengthMs);
    const fits = sound.length <= model.maxSamples;
    const begin = Math.max(0, Math.min(first.startFrame * VAD_FRAME_MS * SAMPLES_PER_MS, sound.length));
    // A window that is too long is identified by its first speech.
    const opening = await model.encode(fits ? sound : sound.subarray(begin, begin + model.maxSamples));
    const language = await languageOf(model, opening, ask, speechMs);
    const asked = { language: language.code, task: ask.task };
    const hearing = { model, pcm: sound, regions, ask: asked, shouldStop };
    const words: HeardWord[] = [];
    for (const piece of await hearWindow(hearing, fits ? opening : null)) {
      const toMs = piece.offsetMs + piece.pcm.length / SAMPLES_PER_MS;
      if (!isBelievable(piece, speechBetween(regions, piece.offsetMs, toMs))) continue;
      words.push(...(await wordsOf(model, piece, speech, asked, ask.wantTimes)));
    }
    const span = speech.probabilities.subarray(first.startFrame, last.endFrame);
    return {
      words,
      speechMs,
      speechSpan: {
        startMs: first.startFrame * VAD_FRAME_MS,
        endMs: Math.min(lengthMs, last.endFrame * VAD_FRAME_MS),
      },
      speechProbability: span.reduce((sum, value) => sum + value, 0) / span.length,
      unheard: words.length === 0 && speechMs >= UNHEARD_SPEECH_MS,
      language: language.code,
      languageProbability: language.probability,
      heardBy: [id],
    };
  }

  /**
   * Times and probabilities of known words over one window, in one forced pass. Sound beyond what the model hears at once
   * is not looked at. `language` is ISO-639-1; null: the model's only one, or found from the window.
   */
  async align<Encoded>(
    model: SpeechModel<Encoded>,
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    words: readonly string[],
    language: string | null,
  ): Promise<AlignResult> {
    if (words.length === 0) return { words: [] };
    const sound = withoutFaults(pcm.length > model.maxSamples ? pcm.subarray(0, model.maxSamples) : pcm);
    const speech = await this.#speech(sound, knownSpeech);
    const known = words.map((text, index): WrittenWord => {
      const glued = index > 0 && isUnspacedBetween(words[index - 1] ?? '', text);
      const tokens = model.tokenizer.encodeWord(text, glued).map((id) => {
        return { id, bytes: model.tokenizer.bytes(id), logprob: 0 };
      });
      return { text, glued, tokens };
    });
    const window = await model.encode(sound);
    const speechMs = speechBetween(speech.regions, 0, sound.length / SAMPLES_PER_MS);
    const found = await languageOf(model, window, { language, languageHint: null }, speechMs);
    const ids = known.flatMap((word) => word.tokens.map((token) => token.id));
    const forced = await model.forced(window, { language: found.code, task: 'transcribe' }, ids);
    const wordOfToken = known.flatMap((word, index) => word.tokens.map(() => index));
    const times = timesOf(model, { pcm: sound, offsetMs: 0 }, speech, { words: known, wordOfToken }, forced);
    let at = 0;
    return {
      words: known.map(({ text, glued, tokens }, index) => {
        const heard = tokens.map((token, place) => ({ ...token, logprob: forced.logprobs[at + place] ?? 0 }));
        at += tokens.length;
        const { startMs = 0, endMs = 0 } = times[index] ?? {};
        return { text, glued, startMs, endMs, tokens: heard, confidence: null };
      }),
    };
  }

  /** Speech probability of each 32 ms frame. */
  async speechIn(pcm: Float32Array): Promise<Float32Array> {
    return (await this.#vad.probabilities(withoutFaults(pcm), null)).values;
  }

  async #speech(pcm: Float32Array, known: Float32Array | null): Promise<Speech> {
    const probabilities = known ?? (await this.speechIn(pcm));
    return { probabilities, regions: speechRegions(probabilities) };
  }
}

/** The language to write in, and how sure it is when it had to be found out. */
async function languageOf<Encoded>(
  model: SpeechModel<Encoded>,
  window: Encoded,
  ask: Pick<ListenAsk, 'language' | 'languageHint'>,
  speechMs: number,
): Promise<{ code: string; probability: number | null }> {
  if (ask.language !== null) return { code: ask.language, probability: null };
  const [only, ...others] = model.languages;
  if (only !== undefined && others.length === 0) return { code: only, probability: null };
  const { language, probability } = chooseLanguage(await model.identify(window), ask.languageHint, speechMs);
  return { code: language, probability };
}

/** The words of a piece that somebody spoke, with times where they are wanted. */
async function wordsOf<Encoded>(
  model: SpeechModel<Encoded>,
  piece: Piece<Encoded>,
  speech: Speech,
  ask: DecodeAsk,
  wantTimes: boolean,
): Promise<HeardWord[]> {
  const grouped = groupWords(model.tokenizer, piece.ids, piece.logprobs);
  const dropped = new Set(remarksIn(grouped));
  const stockFrom = stockEnding(grouped.words);
  let times: WordTimes[] | null = null;
  if (grouped.words.length > dropped.size && (wantTimes || stockFrom !== null)) {
    times = timesOf(model, piece, speech, grouped, await model.forced(piece.window, ask, piece.ids));
  }
  if (times && stockFrom !== null) {
    const inSpeech = (fromMs: number, toMs: number) => speechBetween(speech.regions, fromMs, toMs);
    if (isOverSilence(times.slice(stockFrom), inSpeech)) {
      for (let index = stockFrom; index < grouped.words.length; index++) dropped.add(index);
    }
  }
  return grouped.words.flatMap(({ text, glued, tokens }, index) => {
    if (dropped.has(index)) return [];
    const startMs = wantTimes ? (times?.[index]?.startMs ?? 0) : null;
    const endMs = wantTimes ? (times?.[index]?.endMs ?? 0) : null;
    return [{ text, glued, startMs, endMs, tokens, confidence: null }];
  });
}

/** Where each word was spoken, in milliseconds from the start of the window; never before it. */
function timesOf<Encoded>(
  model: SpeechModel<Encoded>,
  { pcm, offsetMs }: Pick<Piece<Encoded>, 'pcm' | 'offsetMs'>,
  speech: Speech,
  { words, wordOfToken }: GroupedWords,
  forced: ForcedResult,
): WordTimes[] {
  if (forced.attention.length === 0) {
    const toMs = offsetMs + pcm.length / SAMPLES_PER_MS;
    const stretches = speech.regions.flatMap(({ startFrame, endFrame }) => {
      const startMs = Math.max(offsetMs, startFrame * VAD_FRAME_MS);
      const endMs = Math.min(toMs, endFrame * VAD_FRAME_MS);
      return endMs > startMs ? [{ startMs, endMs }] : [];
    });
    return spreadWords(
      words.map((one) => one.text),
      stretches,
    );
  }
  const times = alignTokens({
    attention: forced.attention,
    frames: forced.frames,
    frameSamples: model.frameSamples,
    // Lone spaces stand for no word: they count to the one before them.
    wordOfToken: nonDecreasing(wordOfToken),
    pcm,
    speechAt: (ms) => probabilityAt(speech.probabilities, ms + offsetMs),
  });
  return times.map((one) => {
    const startMs = Math.max(0, one.startMs + offsetMs);
    return { startMs, endMs: Math.max(startMs, one.endMs + offsetMs) };
  });
}

function nonDecreasing(wordOfToken: readonly number[]): number[] {
  let last = 0;
  return wordOfToken.map((word) => {
    last = Math.max(last, word);
    return last;
  });
}

/** The sound itself, or a copy with silence where a sample is no number or absurdly large (a broken float file). */
function withoutFaults(pcm: Float32Array): Float32Array {
  // One sample of full scale is 1; intersample peaks and loud float files reach a few times that.
  const isSound = (sample: number) => Math.abs(sample) <= 1e4;
  return pcm.every(isSound) ? pcm : pcm.map((sample) => (isSound(sample) ? sample : 0));
}

/** Speech probability at a moment, linear between the middles of the frames; 0 outside. */
function probabilityAt(speech: Float32Array, ms: number): number {
  const place = ms / VAD_FRAME_MS - 0.5;
  const low = Math.floor(place);
  const rest = place - low;
  return (speech[low] ?? 0) * (1 - rest) + (speech[low + 1] ?? 0) * rest;
}
