import type { ByteSource } from '../byte-source.ts';
import { latin1, viewOf } from '../byte-source.ts';

/** A box at the top level of a file, its body unread. */
export interface Mp4BoxHead {
  readonly type: string;
  readonly start: number;
  readonly bodyStart: number;
  /** Clamped to the source. */
  readonly end: number;
}

/** A box in memory. */
export interface Mp4Box {
  readonly type: string;
  readonly body: Uint8Array;
}

/** The boxes of a file in order, until one has an impossible size. */
export function* mp4TopLevelBoxes(source: ByteSource): Generator<Mp4BoxHead> {
  let position = 0;
  while (position + 8 <= source.sizeBytes) {
    const head = parseHead(source.read(position, 16), 0, source.sizeBytes - position);
    if (!head) return;
    const end = position + head.sizeBytes;
    yield {
      type: head.type,
      start: position,
      bodyStart: position + head.headBytes,
      end: Math.min(end, source.sizeBytes),
    };
    position = end;
  }
}

/** The boxes inside a body, the last one perhaps cut. */
export function* mp4Boxes(body: Uint8Array, start = 0): Generator<Mp4Box> {
  let position = start;
  while (position + 8 <= body.length) {
    const head = parseHead(body, position, body.length - position);
    if (!head) return;
    const end = position + head.sizeBytes;
    yield { type: head.type, body: body.subarray(position + head.headBytes, end) };
    position = end;
  }
}

/** The first box of a type inside a body, or down a path of types. */
export function findMp4Box(body: Uint8Array, ...path: readonly string[]): Uint8Array | null {
  let current: Uint8Array | null = body;
  for (const type of path) {
    let inner: Uint8Array | null = null;
    for (const box of mp4Boxes(current)) {
      if (box.type === type) {
        inner = box.body;
        break;
      }
    }
    if (!inner) return null;
    current = inner;
  }
  return current;
}

/** Big-endian numbers of a box; out of range reads give 0, as boxes are often cut or older than their version says. */
export class Mp4Fields {
  readonly #view: DataView;

  constructor(body: Uint8Array) {
    this.#view = viewOf(body);
  }

  unsigned8(offset: number): number {
    return offset + 1 <= this.#view.byteLength ? this.#view.getUint8(offset) : 0;
  }

  unsigned16(offset: number): number {
    return offset + 2 <= this.#view.byteLength ? this.#view.getUint16(offset) : 0;
  }

  unsigned32(offset: number): number {
    return offset + 4 <= this.#view.byteLength ? this.#view.getUint32(offset) : 0;
  }

  signed32(offset: number): number {
    return offset + 4 <= this.#view.byteLength ? this.#view.getInt32(offset) : 0;
  }

  unsigned64(offset: number): number {
    return this.unsigned32(offset) * 2 ** 32 + this.unsigned32(offset + 4);
  }

  signed64(offset: number): number {
    return this.signed32(offset) * 2 ** 32 + this.unsigned32(offset + 4);
  }
}

function parseHead(
  bytes: Uint8Array,
  offset: number,
  available: number,
): { type: string; headBytes: number; sizeBytes: number } | null {
  if (offset + 8 > bytes.length) return null;
  const fields = new Mp4Fields(bytes);
  const size = fields.unsigned32(offset);
  const type = latin1(bytes, offset + 4, offset + 8);
  if (size === 0) return { type, headBytes: 8, sizeBytes: available }; // to the end
  if (size === 1) {
    const long = fields.unsigned64(offset + 8);
    return offset + 16 <= bytes.length && long >= 16 ? { type, headBytes: 16, sizeBytes: long } : null;
  }
  return size >= 8 ? { type, headBytes: 8, sizeBytes: size } : null;
}
