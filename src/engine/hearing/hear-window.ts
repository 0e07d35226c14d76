import { isLoop } from '../../core/looped-text.ts';
import type { DecodeAsk, SpeechModel } from '../speech-model.ts';
import { VAD_FRAME_MS } from '../vad/silero-vad.ts';
import type { SpeechRegion } from '../windows/window-planner.ts';
import { isDense, isSparse } from './suspicious-text.ts';

/** Silence put in front of a window that came back empty: Moonshine then hears clear digits that it else passes over. */
const LEAD_MS = 1_000;
/** Less speech than this is not worth a second try. */
const RETRY_SPEECH_MS = 400;
/** A window cut for a second try has pieces of at least this length. */
const LEAST_PIECE_MS = 1_500;

const SAMPLES_PER_MS = 16;

/** One stretch of sound with the tokens that were heard in it. */
export interface Piece<Encoded> {
  readonly pcm: Float32Array;
  readonly window: Encoded;
  /** Where `pcm` begins, from the start of the whole window; negative for added silence. */
  readonly offsetMs: number;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly ended: boolean;
  readonly noSpeechProbability: number | null;
}

/** A window of sound with what is known of it. */
export interface Hearing<Encoded> {
  readonly model: SpeechModel<Encoded>;
  readonly pcm: Float32Array;
  readonly regions: readonly SpeechRegion[];
  readonly ask: DecodeAsk;
  readonly shouldStop: () => boolean;
}

/**
 * What is heard in a window. A text that cannot be right (empty or far too short for the speech, a loop, cut by the token
 * limit) is tried again with silence in front and then in two pieces. `encoded` is the window as the model sees it; null
 * when it is longer than the model takes: then it is heard in pieces at once.
 */
export async function hearWindow<Encoded>(
  hearing: Hearing<Encoded>,
  encoded: Encoded | null,
): Promise<Piece<Encoded>[]> {
  const { model, pcm, regions, shouldStop } = hearing;
  if (encoded === null) return (await hearParts(hearing)).filter((piece) => isUsable(hearing, piece));
  const whole = await hearPiece(hearing, pcm, 0, encoded);
  if (shouldStop()) return [];
  const speechMs = speechBetween(regions, 0, pcm.length / SAMPLES_PER_MS);
  if (!isSuspicious(hearing, whole)) return [whole];
  if (speechMs < RETRY_SPEECH_MS) return isUsable(hearing, whole) ? [whole] : [];
  const tried: Piece<Encoded>[] = [whole];
  if (pcm.length + LEAD_MS * SAMPLES_PER_MS <= model.maxSamples) {
    const led = await hearPiece(hearing, withLead(pcm), -LEAD_MS);
    if (!isSuspicious(hearing, led)) return [led];
    tried.push(led);
  }
  const halves = await hearParts(hearing);
  if (halves.length > 0 && halves.every((piece) => !isSuspicious(hearing, piece))) return halves;
  // Nothing came out clean: the first text that may be true, in the order of trust.
  const usable = tried.find((piece) => isUsable(hearing, piece));
  return usable ? [usable] : halves.filter((piece) => isUsable(hearing, piece));
}

/** The text of a piece. */
export function textOfPiece<Encoded>(model: SpeechModel<Encoded>, piece: Pick<Piece<Encoded>, 'ids'>): string {
  return Buffer.concat(piece.ids.map((id) => model.tokenizer.bytes(id)))
    .toString('utf8')
    .trim();
}

/**
 * The window in pieces, parted in its longest pause or else in the middle; none longer than the model hears at once. A piece
 * that nothing usable comes from is parted once more: a decoder that goes round at one place may not at the next.
 */
async function hearParts<Encoded>(hearing: Hearing<Encoded>): Promise<Piece<Encoded>[]> {
  const { model, pcm, regions, shouldStop } = hearing;
  const lengthMs = pcm.length / SAMPLES_PER_MS;
  if (lengthMs < 2 * LEAST_PIECE_MS) return [];
  const pieces: Piece<Encoded>[] = [];
  const cut = (fromMs: number, toMs: number) => pcm.subarray(fromMs * SAMPLES_PER_MS, toMs * SAMPLES_PER_MS);
  for (const [fromMs, toMs] of parts(regions, 0, lengthMs, model.maxSamples / SAMPLES_PER_MS, true)) {
    if (shouldStop()) return [];
    const part = cut(fromMs, toMs);
    let piece = await hearPiece(hearing, part, fromMs);
    if (isSuspicious(hearing, piece) && part.length + LEAD_MS * SAMPLES_PER_MS <= model.maxSamples) {
      piece = await hearPiece(hearing, withLead(part), fromMs - LEAD_MS);
    }
    if (isUsable(hearing, piece) || toMs - fromMs < 2 * LEAST_PIECE_MS) {
      pieces.push(piece);
      continue;
    }
    const middleMs = cutBetween(regions, fromMs, toMs);
    pieces.push(await hearPiece(hearing, cut(fromMs, middleMs), fromMs));
    pieces.push(await hearPiece(hearing, cut(middleMs, toMs), middleMs));
  }
  return pieces;
}

function parts(
  regions: readonly SpeechRegion[],
  fromMs: number,
  toMs: number,
  longestMs: number,
  always: boolean,
): [number, number][] {
  if (!always && toMs - fromMs <= longestMs) return [[fromMs, toMs]];
  const cutMs = cutBetween(regions, fromMs, toMs);
  return [...parts(regions, fromMs, cutMs, longestMs, false), ...parts(regions, cutMs, toMs, longestMs, false)];
}

/** The middle of the longest pause, else of the stretch, in whole milliseconds. */
function cutBetween(regions: readonly SpeechRegion[], fromMs: number, toMs: number): number {
  let cutMs = (fromMs + toMs) / 2;
  let longest = 0;
  for (let index = 1; index < regions.length; index++) {
    const from = regions[index - 1]!.endFrame * VAD_FRAME_MS;
    const to = regions[index]!.startFrame * VAD_FRAME_MS;
    const middle = (from + to) / 2;
    if (to - from > longest && middle >= fromMs + LEAST_PIECE_MS && middle <= toMs - LEAST_PIECE_MS) {
      longest = to - from;
      cutMs = middle;
    }
  }
  return Math.round(cutMs);
}

async function hearPiece<Encoded>(
  { model, ask, shouldStop }: Hearing<Encoded>,
  pcm: Float32Array,
  offsetMs: number,
  encoded?: Encoded,
): Promise<Piece<Encoded>> {
  const window = encoded ?? (await model.encode(pcm));
  return { pcm, window, offsetMs, ...(await model.greedy(window, ask, shouldStop)) };
}

function withLead(pcm: Float32Array): Float32Array {
  const led = new Float32Array(pcm.length + LEAD_MS * SAMPLES_PER_MS);
  led.set(pcm, LEAD_MS * SAMPLES_PER_MS);
  return led;
}

/** Worth another try: empty, cut off, going round, or far too short. */
function isSuspicious<Encoded>(hearing: Hearing<Encoded>, piece: Piece<Encoded>): boolean {
  const text = textOfPiece(hearing.model, piece);
  return text === '' || !piece.ended || isLoop(text) || isSparse(text, speechIn(hearing, piece));
}

/**
 * May be true. A text that goes round is, when the model came to its end by itself and it can be said in the time: people
 * do say a sentence four times. A decoder that is lost goes on to its limit, or writes faster than anybody speaks.
 */
function isUsable<Encoded>(hearing: Hearing<Encoded>, piece: Piece<Encoded>): boolean {
  const text = textOfPiece(hearing.model, piece);
  return text !== '' && (!isLoop(text) || (piece.ended && !isDense(text, speechIn(hearing, piece))));
}

function speechIn<Encoded>({ regions }: Hearing<Encoded>, { pcm, offsetMs }: Piece<Encoded>): number {
  return speechBetween(regions, offsetMs, offsetMs + pcm.length / SAMPLES_PER_MS);
}

/** Milliseconds of detected speech between two moments of the window. */
export function speechBetween(regions: readonly SpeechRegion[], fromMs: number, toMs: number): number {
  return regions.reduce((sum, { startFrame, endFrame }) => {
    return sum + Math.max(0, Math.min(toMs, endFrame * VAD_FRAME_MS) - Math.max(fromMs, startFrame * VAD_FRAME_MS));
  }, 0);
}
