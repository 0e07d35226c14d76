import type { ByteSource } from '../byte-source.ts';

/** An element's head: where its body starts, and how long it is (null: unknown, it ends where its parent's next child starts). */
export interface EbmlElement {
  readonly id: number;
  readonly bodyStart: number;
  readonly bodyBytes: number | null;
}

/** An element inside bytes that are already in memory. */
export interface EbmlChild {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Reads the element head at `offset`; null where there is none. */
export function ebmlElementAt(source: ByteSource, offset: number): EbmlElement | null {
  return parseHead(source.read(offset, 12), 0, offset);
}

/** The children of a master element in memory, as far as they are whole. */
export function* ebmlChildren(bytes: Uint8Array): Generator<EbmlChild> {
  let position = 0;
  while (position < bytes.length) {
    const head = parseHead(bytes, position, position);
    if (!head) return;
    const end = head.bodyBytes === null ? bytes.length : head.bodyStart + head.bodyBytes;
    yield { id: head.id, body: bytes.subarray(head.bodyStart, end) };
    position = end;
  }
}

/** A variable-length number at `offset`; null when it is cut or has no marker. All ones mean unknown: value −1. */
export function ebmlNumber(bytes: Uint8Array, offset: number): { value: number; length: number } | null {
  const first = bytes[offset];
  if (first === undefined || first === 0) return null;
  const length = Math.clz32(first) - 23;
  if (offset + length > bytes.length) return null;
  const mask = (1 << (8 - length)) - 1;
  let value = first & mask;
  let isUnknown = value === mask;
  for (let index = 1; index < length; index++) {
    const byte = bytes[offset + index]!;
    if (byte !== 255) isUnknown = false;
    value = value * 256 + byte;
  }
  return { value: isUnknown ? -1 : value, length };
}

export function ebmlUnsigned(body: Uint8Array): number {
  let value = 0;
  for (let index = 0; index < Math.min(body.length, 8); index++) value = value * 256 + body[index]!;
  return value;
}

export function ebmlSigned(body: Uint8Array): number {
  if (body.length === 0 || body.length > 8) return 0;
  const unsigned = ebmlUnsigned(body);
  return body[0]! & 0x80 ? unsigned - 2 ** (8 * body.length) : unsigned;
}

export function ebmlFloat(body: Uint8Array): number {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length === 4) return view.getFloat32(0);
  return body.length === 8 ? view.getFloat64(0) : 0;
}

function parseHead(bytes: Uint8Array, index: number, offset: number): EbmlElement | null {
  const first = bytes[index];
  if (first === undefined || first < 0x10) return null;
  const idBytes = Math.clz32(first) - 23;
  if (index + idBytes > bytes.length) return null;
  let id = 0;
  for (let count = 0; count < idBytes; count++) id = id * 256 + bytes[index + count]!;
  const size = ebmlNumber(bytes, index + idBytes);
  if (!size) return null;
  return { id, bodyStart: offset + idBytes + size.length, bodyBytes: size.value < 0 ? null : size.value };
}
