/** A text is far too short for speech below this many bytes a second, once there is this much speech; people reach 9. */
const SPARSE_BYTES_PER_SECOND = 4;
const SPARSE_FROM_MS = 4_000;
/** More characters a second than anybody speaks; fast readers reach 22. */
const DENSE_CHARACTERS_PER_SECOND = 25;

/** The text cannot be all that is said in so much speech: the decoder stopped early, as it does at a long pause. */
export function isSparse(text: string, speechMs: number): boolean {
  return speechMs >= SPARSE_FROM_MS && (Buffer.byteLength(text) * 1000) / speechMs < SPARSE_BYTES_PER_SECOND;
}

/** More text than can be said in so much speech. */
export function isDense(text: string, speechMs: number): boolean {
  return [...text].length * 1000 > DENSE_CHARACTERS_PER_SECOND * speechMs;
}
