import type { BitReader } from './bit-reader.ts';

// Elements without sound for us; AAC and ALAC write them alike.

/** `data_stream_element`. */
export function skipData(reader: BitReader): void {
  reader.skip(4);
  const aligned = reader.readFlag();
  const count = reader.read(8);
  const byteCount = count === 255 ? count + reader.read(8) : count;
  if (aligned) reader.alignToByte();
  reader.skip(8 * byteCount);
}

/** `fill_element`: padding, dynamic range control or the SBR half of HE-AAC. */
export function skipFill(reader: BitReader): void {
  const count = reader.read(4);
  reader.skip(8 * (count === 15 ? count + reader.read(8) - 1 : count));
}
