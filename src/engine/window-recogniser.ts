import { deflateSync } from 'node:zlib';
import { alignTokens } from './align/align-tokens.ts';
import type { ListenAsk } from './listener.ts';
import type { AlignResult, HeardToken, HeardWord, RecogniseResult } from './protocol.ts';
import type { DecodeAsk, SpeechModel } from './speech-model.ts';
import { type SileroVad, VAD_FRAME_MS } from './vad/silero-vad.ts';
import { speechRegions } from './windows/speech-regions.ts';
import type { SpeechRegion } from './windows/window-planner.ts';

/** Silence put in front of a window that came back empty: Moonshine then hears clear digits that it else passes over. */
const LEAD_MS = 1_000;
/** Less speech than this is not worth a second try. */
const RETRY_SPEECH_MS = 400;
/** Speech from this length on that stays without text is reported as unheard. Laughs and music seen: up to 1,030 ms. */
const UNHEARD_SPEECH_MS = 1_200;
/**
 * Text over less speech than this is believed only when the model is sure of it: mean log-probability above Whisper's own
 * limit for its no-speech check. What is left of noise that deceived the detector ends here.
 */
const DOUBTFUL_SPEECH_MS = 800;
const DOUBTFUL_LOGPROB = -1;
/** Ratio of text to its compressed size above which it repeats itself; Whisper's own limit. */
const LOOP_RATIO = 2.4;
/** A window cut for a second try has pieces of at least this length. */
const LEAST_PIECE_MS = 1_500;

const SAMPLES_PER_MS = 16;

/** Who hears, what the decoder is told, and when to stop. */
interface Hearing<Encoded> {
  readonly model: SpeechModel<Encoded>;
  readonly ask: DecodeAsk;
  readonly shouldStop: () => boolean;
}

/** One stretch of sound with the tokens that were heard in it. */
interface Piece<Encoded> {
  readonly pcm: Float32Array;
  readonly window: Encoded;
  /** Where `pcm` begins, from the start of the whole window; negative for added silence. */
  readonly offsetMs: number;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly ended: boolean;
}

/** Turns one window of sound into words, whatever it takes; and finds the times of words that are known. */
export class WindowRecogniser {
  readonly #vad: SileroVad;

  constructor(vad: SileroVad) {
    this.#vad = vad;
  }

  /**
   * What is said in `pcm`, which is at most as long as the model hears at once. Nothing is decoded where nobody speaks.
   * A text that cannot be right (empty over speech, a loop, cut by the token limit) is tried again with silence in front
   * and then in two pieces; what stays empty over clear speech is reported as unheard.
   */
  async recognise<Encoded>(
    { id, model }: { readonly id: string; readonly model: SpeechModel<Encoded> },
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult> {
    const speech = knownSpeech ?? (await this.speechIn(pcm));
    const regions = speechRegions(speech);
    const first = regions[0];
    const last = regions.at(-1);
    if (!first || !last) {
      return {
        words: [],
        speechMs: 0,
        speechSpan: null,
        speechProbability: 0,
        unheard: false,
        language: null,
        languageProbability: null,
        heardBy: [id],
      };
    }
    const speechMs = regions.reduce((sum, one) => sum + one.endFrame - one.startFrame, 0) * VAD_FRAME_MS;
    const spoken = await spokenLanguage(model, pcm, ask, speechMs);
    const decodeAsk = { language: spoken.language, task: ask.task };
    const hearing = { model, ask: decodeAsk, shouldStop };
    const heard = await this.#hear(hearing, pcm, regions, speechMs);
    const pieces =
      speechMs < DOUBTFUL_SPEECH_MS ? heard.filter((piece) => meanLogprob(piece) > DOUBTFUL_LOGPROB) : heard;
    const words: HeardWord[] = [];
    for (const piece of pieces) {
      words.push(...(ask.wantTimes ? await this.#timed(hearing, piece, speech) : untimed(model, piece)));
    }
    const span = speech.subarray(first.startFrame, last.endFrame);
    return {
      words,
      speechMs,
      speechSpan: {
        startMs: first.startFrame * VAD_FRAME_MS,
        endMs: Math.min(pcm.length / 16, last.endFrame * VAD_FRAME_MS),
      },
      speechProbability: span.reduce((sum, value) => sum + value, 0) / span.length,
      unheard: words.length === 0 && speechMs >= UNHEARD_SPEECH_MS,
      language: spoken.language,
      languageProbability: spoken.probability,
      heardBy: [id],
    };
  }

  /** Speech probability of each 32 ms frame. */
  async speechIn(pcm: Float32Array): Promise<Float32Array> {
    return (await this.#vad.probabilities(pcm, null)).values;
  }

  /** Times and probabilities of known words over one window, in one forced pass. */
  async align<Encoded>(
    model: SpeechModel<Encoded>,
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    words: readonly string[],
    language: string | null,
  ): Promise<AlignResult> {
    if (words.length === 0) return { words: [] };
    const speech = knownSpeech ?? (await this.speechIn(pcm));
    const perWord = words.map((word) => model.tokenizer.encodeWord(word));
    const window = await model.encode(pcm);
    const ids = perWord.flat();
    const spoken = language ?? (await model.identify(window))[0]?.language ?? 'en';
    const forced = await model.forced(window, { language: spoken, task: 'transcribe' }, ids);
    const wordOfToken = perWord.flatMap((tokens, index) => tokens.map(() => index));
    const times = alignTokens({ ...this.#alignmentOf(model, pcm, speech, 0), ...forced, wordOfToken });
    let at = 0;
    return {
      words: perWord.map((tokens, index) => {
        const heard = tokens.map((id, offset): HeardToken => {
          return { id, bytes: model.tokenizer.bytes(id), logprob: forced.logprobs[at + offset] ?? 0 };
        });
        at += tokens.length;
        const time = times[index];
        return {
          text: words[index]!,
          glued: false,
          startMs: time?.startMs ?? 0,
          endMs: time?.endMs ?? 0,
          tokens: heard,
          confidence: null,
        };
      }),
    };
  }

  async #hear<Encoded>(
    hearing: Hearing<Encoded>,
    pcm: Float32Array,
    regions: readonly SpeechRegion[],
    speechMs: number,
  ): Promise<Piece<Encoded>[]> {
    const { model } = hearing;
    const whole = await hearPiece(hearing, pcm, 0);
    if (!isSuspicious(model, whole) || speechMs < RETRY_SPEECH_MS) return isLoop(model, whole) ? [] : [whole];
    const led = await hearPiece(hearing, withLead(pcm), -LEAD_MS);
    if (!isSuspicious(model, led)) return [led];
    const halves = await this.#hearHalves(hearing, pcm, regions);
    if (halves.length > 0 && halves.every((piece) => !isSuspicious(model, piece))) return halves;
    // Nothing came out clean: the first text that is neither empty nor a loop, in the order of trust.
    const usable = (piece: Piece<Encoded>) => piece.ids.length > 0 && !isLoop(model, piece);
    if (usable(whole)) return [whole];
    if (usable(led)) return [led];
    return halves.filter(usable);
  }

  /** The window in two pieces, parted in its longest pause or else in the middle. */
  async #hearHalves<Encoded>(
    hearing: Hearing<Encoded>,
    pcm: Float32Array,
    regions: readonly SpeechRegion[],
  ): Promise<Piece<Encoded>[]> {
    const lengthMs = pcm.length / SAMPLES_PER_MS;
    if (lengthMs < 2 * LEAST_PIECE_MS) return [];
    let cutMs = lengthMs / 2;
    let longest = 0;
    for (let index = 1; index < regions.length; index++) {
      const from = regions[index - 1]!.endFrame * VAD_FRAME_MS;
      const to = regions[index]!.startFrame * VAD_FRAME_MS;
      const middle = (from + to) / 2;
      if (to - from > longest && middle >= LEAST_PIECE_MS && middle <= lengthMs - LEAST_PIECE_MS) {
        longest = to - from;
        cutMs = middle;
      }
    }
    const cut = Math.round(cutMs) * SAMPLES_PER_MS;
    const pieces: Piece<Encoded>[] = [];
    for (const [from, to] of [
      [0, cut],
      [cut, pcm.length],
    ] as const) {
      const part = pcm.subarray(from, to);
      const offsetMs = from / SAMPLES_PER_MS;
      const piece = await hearPiece(hearing, part, offsetMs);
      pieces.push(
        isSuspicious(hearing.model, piece) ? await hearPiece(hearing, withLead(part), offsetMs - LEAD_MS) : piece,
      );
    }
    return pieces;
  }

  async #timed<Encoded>(
    { model, ask }: Hearing<Encoded>,
    piece: Piece<Encoded>,
    speech: Float32Array,
  ): Promise<HeardWord[]> {
    if (piece.ids.length === 0) return [];
    const groups = groupWords(model, piece);
    const forced = await model.forced(piece.window, ask, piece.ids);
    const wordOfToken = groups.flatMap((group, index) => group.map(() => index));
    const times = alignTokens({
      ...this.#alignmentOf(model, piece.pcm, speech, piece.offsetMs),
      ...forced,
      wordOfToken,
    });
    return groups.flatMap((tokens, index) => {
      const text = textOf(tokens);
      const startMs = Math.max(0, (times[index]?.startMs ?? 0) + piece.offsetMs);
      const endMs = Math.max(startMs, (times[index]?.endMs ?? 0) + piece.offsetMs);
      return text === '' ? [] : [{ text, glued: false, startMs, endMs, tokens, confidence: null }];
    });
  }

  #alignmentOf<Encoded>(model: SpeechModel<Encoded>, pcm: Float32Array, speech: Float32Array, offsetMs: number) {
    return {
      frameSamples: model.frameSamples,
      pcm,
      speechAt: (ms: number) => probabilityAt(speech, ms + offsetMs),
    };
  }
}

async function hearPiece<Encoded>(
  { model, ask, shouldStop }: Hearing<Encoded>,
  pcm: Float32Array,
  offsetMs: number,
): Promise<Piece<Encoded>> {
  const window = await model.encode(pcm);
  return { pcm, window, offsetMs, ...(await model.greedy(window, ask, shouldStop)) };
}

/** What is spoken: as the caller says, the only one that the model knows, or the likeliest. */
async function spokenLanguage<Encoded>(
  model: SpeechModel<Encoded>,
  pcm: Float32Array,
  ask: ListenAsk,
  speechMs: number,
): Promise<{ language: string; probability: number | null }> {
  const [only] = model.languages;
  if (ask.language !== null) return { language: ask.language, probability: null };
  if (only !== undefined && model.languages.length === 1) return { language: only, probability: null };
  const guesses = await model.identify(await model.encode(pcm));
  const [likeliest] = guesses;
  const hinted = guesses.find((one) => one.language === ask.languageHint);
  const isClear = speechMs >= 1_000 && (likeliest?.probability ?? 0) > 0.8 && (hinted?.probability ?? 0) < 0.1;
  return (hinted && !isClear ? hinted : likeliest) ?? { language: only ?? 'en', probability: null };
}

function withLead(pcm: Float32Array): Float32Array {
  const led = new Float32Array(pcm.length + LEAD_MS * SAMPLES_PER_MS);
  led.set(pcm, LEAD_MS * SAMPLES_PER_MS);
  return led;
}

function meanLogprob(piece: Piece<unknown>): number {
  const { logprobs } = piece;
  return logprobs.length === 0 ? 0 : logprobs.reduce((sum, one) => sum + one, 0) / logprobs.length;
}

function isSuspicious<Encoded>(model: SpeechModel<Encoded>, piece: Piece<Encoded>): boolean {
  return piece.ids.length === 0 || !piece.ended || isLoop(model, piece);
}

function isLoop<Encoded>(model: SpeechModel<Encoded>, piece: Piece<Encoded>): boolean {
  const text = Buffer.concat(piece.ids.map((id) => model.tokenizer.bytes(id)));
  return text.length > 0 && text.length / deflateSync(text).length > LOOP_RATIO;
}

/** Tokens by word: a token that begins with a space begins a word. */
function groupWords<Encoded>(model: SpeechModel<Encoded>, piece: Piece<Encoded>): HeardToken[][] {
  const groups: HeardToken[][] = [];
  piece.ids.forEach((id, index) => {
    const token = { id, bytes: model.tokenizer.bytes(id), logprob: piece.logprobs[index] ?? 0 };
    const group = groups.at(-1);
    if (!group || token.bytes[0] === 0x20) groups.push([token]);
    else group.push(token);
  });
  return groups;
}

function untimed<Encoded>(model: SpeechModel<Encoded>, piece: Piece<Encoded>): HeardWord[] {
  return groupWords(model, piece).flatMap((tokens) => {
    const text = textOf(tokens);
    return text === '' ? [] : [{ text, glued: false, startMs: null, endMs: null, tokens, confidence: null }];
  });
}

function textOf(tokens: readonly HeardToken[]): string {
  return Buffer.concat(tokens.map((one) => one.bytes))
    .toString('utf8')
    .trim();
}

/** Speech probability at a moment, linear between the middles of the frames; 0 outside. */
function probabilityAt(speech: Float32Array, ms: number): number {
  const place = ms / VAD_FRAME_MS - 0.5;
  const low = Math.floor(place);
  const rest = place - low;
  return (speech[low] ?? 0) * (1 - rest) + (speech[low + 1] ?? 0) * rest;
}
