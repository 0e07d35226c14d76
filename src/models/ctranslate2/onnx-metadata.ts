import { FileWindow } from './file-window.ts';

/** Wire types of protobuf that ONNX files use, and the ends of what is looked at. */
const wireTypes = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;
const modelFields = { graph: 7, metadata: 14 } as const;
const maxFields = 10_000;
const maxEntryBytes = 1024 * 1024;
const maxMetadataBytes = 8 * 1024 * 1024;

/**
 * The metadata of an ONNX file, read without its graph: a few kilobytes of a file of any size. null for a file that is
 * not there or no ONNX model.
 */
export async function readOnnxMetadata(path: string): Promise<ReadonlyMap<string, string> | null> {
  let window: FileWindow | null = null;
  try {
    window = await FileWindow.open(path, 'the ONNX file');
    return await readModel(window);
  } catch {
    // Not there, cut off or something else altogether: it is not the model that somebody hoped for.
    return null;
  } finally {
    await window?.close();
  }
}

async function readModel(window: FileWindow): Promise<ReadonlyMap<string, string> | null> {
  const metadata = new Map<string, string>();
  let hasGraph = false;
  let metadataBytes = 0;
  for (let count = 0; window.leftBytes > 0; count++) {
    if (count === maxFields) return null;
    const tag = await varint(window);
    const field = Math.floor(tag / 8);
    const length = await fieldBytes(window, tag % 8);
    if (length === null) return null;
    if (field === modelFields.graph) hasGraph = true;
    if (field !== modelFields.metadata) {
      window.skip(length);
      continue;
    }
    metadataBytes += length;
    if (length > maxEntryBytes || metadataBytes > maxMetadataBytes) return null;
    const entry = readEntry(await window.take(length));
    if (entry === null) return null;
    metadata.set(...entry);
  }
  return hasGraph ? metadata : null;
}

/** Bytes of a field's value after its tag, and its length where it has one; null for what is no protobuf. */
async function fieldBytes(window: FileWindow, wireType: number): Promise<number | null> {
  switch (wireType) {
    case wireTypes.varint:
      await varint(window);
      return 0;
    case wireTypes.fixed64:
      return 8;
    case wireTypes.fixed32:
      return 4;
    case wireTypes.delimited:
      return varint(window);
    default:
      return null;
  }
}

async function varint(window: FileWindow): Promise<number> {
  let value = 0;
  for (let index = 0, factor = 1; index < 10; index++, factor *= 0x80) {
    const byte = await window.uint8();
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  return Number.POSITIVE_INFINITY;
}

/** StringStringEntryProto: key in field 1, value in field 2. */
function readEntry(bytes: Buffer): [string, string] | null {
  const texts = new Map<number, string>();
  let position = 0;
  while (position < bytes.length) {
    const tag = bytes[position++]!;
    let length = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[position++];
      if (byte === undefined || factor > 0x80 ** 4) return null;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (tag % 8 !== wireTypes.delimited || position + length > bytes.length) return null;
    texts.set(Math.floor(tag / 8), bytes.toString('utf8', position, position + length));
    position += length;
  }
  return [texts.get(1) ?? '', texts.get(2) ?? ''];
}
