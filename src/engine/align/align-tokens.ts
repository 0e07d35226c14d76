import { frameLoudness, percentile } from './frame-loudness.ts';

/**
 * Where in the sound each word of a known text was spoken.
 *
 * Input is the decoder's cross-attention over one window while the text was forced through it. Some heads look at the
 * sound of the very token that they are about to write; averaged and divided by what all tokens claim of a frame, they
 * give each token's share of each frame. A path through tokens in order, with an optional silence between words whose
 * score comes from loudness and the VAD, is found by dynamic programming (Viterbi). Silence as a state of its own is what
 * keeps the first word after a pause from starting at the beginning of the pause, the known fault of plain warping.
 *
 * The constants were fitted on 2026-11-21 on the synthetic clips with exact word times (two folds by clip: heads chosen
 * on one half measured on the other: 24 to 27 ms median, 58 to 62 ms p90 for starts). `npm run bench:align` measures.
 */

/** Short silences (ms) belong to the words around them: stops and unvoiced sounds are silent inside words too. */
const SHORT_GAP_MS = 120;
/** The encoder's frames lead the sound that they stand for by about half a frame. */
const BOUNDARY_SHIFT_MS = 12;
/** Share of a frame that every token has, so that one bad frame cannot forbid a path. */
const FLOOR_SHARE = 1e-3;
/** Loudness thresholds for silence, in dB: above the quietest tenth, below the loudest twentieth. */
const ABOVE_FLOOR_DB = 9;
const BELOW_PEAK_DB = 35;
const LEAST_BELOW_PEAK_DB = 20;
const LOUDNESS_SLOPE_DB = 3;
/** How strongly the VAD's opinion counts beside loudness. */
const VAD_WEIGHT = 4;

export interface AlignmentInput {
  /** Of heads that follow the sound, [head][token][frame], one block; the last token row is the one that writes the end. */
  readonly attention: Float32Array;
  readonly frames: number;
  /** For each token, the index of its word; rising, from 0. */
  readonly wordOfToken: readonly number[];
  readonly pcm: Float32Array;
  /** Samples (16 kHz) that one encoder frame stands for. */
  readonly frameSamples: number;
  /** Speech probability at a time in milliseconds from the start of `pcm`. */
  readonly speechAt: (ms: number) => number;
}

export interface WordTimes {
  readonly startMs: number;
  readonly endMs: number;
}

/** One entry a word, in order, never overlapping, inside the sound. */
export function alignTokens(input: AlignmentInput): WordTimes[] {
  const { wordOfToken, frames } = input;
  const words = (wordOfToken.at(-1) ?? -1) + 1;
  if (words === 0 || frames === 0) return [];
  const silence = silenceScores(input);
  const path = bestPath(tokenScores(input, silence), silence, wordOfToken, frames);
  return settleBoundaries(path, words, input);
}

/** Log of each token's share of each frame, plus the log-probability that the frame is not silent. [token][frame]. */
function tokenScores(input: AlignmentInput, silence: SilenceScores): Float32Array {
  const { attention, frames, wordOfToken } = input;
  const tokens = wordOfToken.length;
  const rows = tokens + 1;
  const share = new Float32Array(rows * frames);
  const heads = attention.length / (rows * frames);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < rows; row++) {
      const from = (head * rows + row) * frames;
      for (let frame = 0; frame < frames; frame++) {
        share[row * frames + frame]! += attention[from + frame]! / heads;
      }
    }
  }
  const scores = new Float32Array(tokens * frames);
  const floor = FLOOR_SHARE / frames;
  for (let frame = 0; frame < frames; frame++) {
    let total = floor * rows;
    for (let row = 0; row < rows; row++) total += share[row * frames + frame]!;
    for (let token = 0; token < tokens; token++) {
      const part = (share[token * frames + frame]! + floor) / total;
      scores[token * frames + frame] = Math.log(Math.max(part, 1e-4)) + silence.sound[frame]!;
    }
  }
  return scores;
}

interface SilenceScores {
  /** Log-probability that the frame is silent. */
  readonly silent: Float32Array;
  /** Log-probability that it is not. */
  readonly sound: Float32Array;
}

function silenceScores(input: AlignmentInput): SilenceScores {
  const { pcm, frameSamples, frames, speechAt } = input;
  const loudness = frameLoudness(pcm, frameSamples, frames);
  const floor = percentile(loudness, 0.1);
  const peak = percentile(loudness, 0.95);
  const threshold = Math.min(Math.max(floor + ABOVE_FLOOR_DB, peak - BELOW_PEAK_DB), peak - LEAST_BELOW_PEAK_DB);
  const silent = new Float32Array(frames);
  const sound = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    const middleMs = ((frame + 0.5) * frameSamples) / 16;
    const evidence = (threshold - loudness[frame]!) / LOUDNESS_SLOPE_DB + VAD_WEIGHT * (0.5 - speechAt(middleMs));
    const probability = 1 / (1 + Math.exp(-evidence));
    silent[frame] = Math.log(Math.max(probability, 1e-4));
    sound[frame] = Math.log(Math.max(1 - probability, 1e-3));
  }
  return { silent, sound };
}

/** For each frame the token that it belongs to, or -1 for silence. */
function bestPath(
  scores: Float32Array,
  silence: SilenceScores,
  wordOfToken: readonly number[],
  frames: number,
): Int32Array {
  // States in order: an optional silence before each word, its tokens, and a silence at the end.
  const states: number[] = [];
  for (let token = 0; token < wordOfToken.length; token++) {
    if (token === 0 || wordOfToken[token] !== wordOfToken[token - 1]) states.push(-1);
    states.push(token);
  }
  states.push(-1);
  const count = states.length;
  const emit = (state: number, frame: number) => {
    const token = states[state]!;
    return token < 0 ? silence.silent[frame]! : scores[token * frames + frame]!;
  };
  const impossible = -1e9;
  let best = new Float64Array(count).fill(impossible);
  best[0] = emit(0, 0);
  best[1] = emit(1, 0);
  // How many states back each state came from (0, 1 or 2), per frame.
  const back = new Uint8Array(frames * count);
  for (let frame = 1; frame < frames; frame++) {
    const next = new Float64Array(count);
    // At the end of the sound all that is left must still fit: states too far from the end are not worth keeping.
    for (let state = 0; state < count; state++) {
      let score = best[state]!;
      let steps = 0;
      if (state >= 1 && best[state - 1]! > score) {
        score = best[state - 1]!;
        steps = 1;
      }
      if (state >= 2 && states[state - 1] === -1 && best[state - 2]! > score) {
        score = best[state - 2]!;
        steps = 2;
      }
      next[state] = score + emit(state, frame);
      back[frame * count + state] = steps;
    }
    best = next;
  }
  let state = best[count - 1]! >= best[count - 2]! ? count - 1 : count - 2;
  const path = new Int32Array(frames);
  for (let frame = frames - 1; frame >= 0; frame--) {
    path[frame] = states[state]!;
    state -= back[frame * count + state]!;
  }
  return path;
}

function settleBoundaries(path: Int32Array, words: number, input: AlignmentInput): WordTimes[] {
  const { wordOfToken, frameSamples, pcm } = input;
  const frameMs = frameSamples / 16;
  const totalMs = pcm.length / 16;
  const starts = new Float64Array(words).fill(Number.NaN);
  const ends = new Float64Array(words).fill(Number.NaN);
  for (let frame = 0; frame < path.length; frame++) {
    const token = path[frame]!;
    if (token < 0) continue;
    const word = wordOfToken[token]!;
    if (Number.isNaN(starts[word]!)) starts[word] = frame * frameMs;
    ends[word] = (frame + 1) * frameMs;
  }
  for (let word = 1; word < words; word++) {
    const gap = starts[word]! - ends[word - 1]!;
    if (gap < SHORT_GAP_MS) {
      const boundary = ends[word - 1]! + gap / 2 + BOUNDARY_SHIFT_MS;
      starts[word] = boundary;
      ends[word - 1] = boundary;
    }
  }
  const times: WordTimes[] = [];
  let lastMs = 0;
  for (let word = 0; word < words; word++) {
    // More words than frames: what found no frame of its own gets an empty place after the word before it.
    const start = Number.isNaN(starts[word]!) ? lastMs : starts[word]!;
    const end = Number.isNaN(ends[word]!) ? start : ends[word]!;
    const startMs = Math.min(totalMs, Math.max(lastMs, start));
    const endMs = Math.min(totalMs, Math.max(startMs, end));
    times.push({ startMs: Math.round(startMs), endMs: Math.round(endMs) });
    lastMs = endMs;
  }
  return times;
}
