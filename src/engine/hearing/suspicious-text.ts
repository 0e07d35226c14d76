import { deflateSync } from 'node:zlib';

/** Ratio of text to its compressed size above which it repeats itself; Whisper's own limit. */
const LOOP_RATIO = 2.4;
/** So many equal stretches of words in a row are a loop: people say a word up to five or six times, phrases less often. */
const REPEATED_WORDS = 9;
const REPEATED_PHRASES = 5;
const LONGEST_PHRASE_WORDS = 8;
/** A text is far too short for speech below this many bytes a second, once there is this much speech; people reach 9. */
const SPARSE_BYTES_PER_SECOND = 4;
const SPARSE_FROM_MS = 4_000;
/** More characters a second than anybody speaks; fast readers reach 22. */
const DENSE_CHARACTERS_PER_SECOND = 25;

/** The text says the same again and again, as a decoder does that has lost the sound. */
export function isLoop(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0) return false;
  return bytes / deflateSync(text).length > LOOP_RATIO || repeats(text.toLowerCase().split(/\s+/u).filter(Boolean));
}

/** The text cannot be all that is said in so much speech: the decoder stopped early, as it does at a long pause. */
export function isSparse(text: string, speechMs: number): boolean {
  return speechMs >= SPARSE_FROM_MS && (Buffer.byteLength(text) * 1000) / speechMs < SPARSE_BYTES_PER_SECOND;
}

/** More text than can be said in so much speech. */
export function isDense(text: string, speechMs: number): boolean {
  return [...text].length * 1000 > DENSE_CHARACTERS_PER_SECOND * speechMs;
}

function repeats(words: readonly string[]): boolean {
  for (let size = 1; size <= LONGEST_PHRASE_WORDS; size++) {
    const wanted = (size === 1 ? REPEATED_WORDS : REPEATED_PHRASES) * size;
    let same = 0;
    for (let index = size; index < words.length; index++) {
      same = words[index] === words[index - size] ? same + 1 : 0;
      if (same + size >= wanted) return true;
    }
  }
  return false;
}
