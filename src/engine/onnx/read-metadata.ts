import { open } from 'node:fs/promises';
import onnxProto from 'onnx-proto';

/** Number of `metadata_props` in ModelProto (onnx.proto). */
const METADATA_FIELD = 14;
const LENGTH_DELIMITED = 2;
const VARINT = 0;
/** A tag and a length are two varints of at most ten bytes. */
const HEADER_BYTES = 20;
/** Longer entries are no metadata that anything here reads. */
const MAX_ENTRY_BYTES = 4 * 2 ** 20;

/**
 * The custom metadata of an ONNX file, without reading its weights: the fields of the outermost message are skipped over
 * by their lengths. Throws when the file is not such a message.
 */
export async function readOnnxMetadata(path: string): Promise<ReadonlyMap<string, string>> {
  const metadata = new Map<string, string>();
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const header = new Uint8Array(HEADER_BYTES);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(header, 0, HEADER_BYTES, at);
      const tag = varint(header.subarray(0, bytesRead), 0);
      const value = varint(header.subarray(0, bytesRead), tag.bytes);
      const wire = tag.value % 8;
      at += tag.bytes + value.bytes;
      if (wire === VARINT) continue;
      if (wire !== LENGTH_DELIMITED || at + value.value > size) throw new Error('not an ONNX file');
      if (Math.floor(tag.value / 8) === METADATA_FIELD && value.value <= MAX_ENTRY_BYTES) {
        const bytes = new Uint8Array(value.value);
        await file.read(bytes, 0, bytes.length, at);
        const entry = onnxProto.onnx.StringStringEntryProto.decode(bytes);
        metadata.set(entry.key, entry.value);
      }
      at += value.value;
    }
  } finally {
    await file.close();
  }
  return metadata;
}

/** A number in protobuf's base 128; exact up to 2^53. */
function varint(bytes: Uint8Array, from: number): { value: number; bytes: number } {
  let value = 0;
  let scale = 1;
  for (let index = from; index < bytes.length; index++) {
    const byte = bytes[index]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, bytes: index - from + 1 };
    scale *= 128;
  }
  throw new Error('not an ONNX file');
}
