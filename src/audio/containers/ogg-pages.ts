import type { ByteSource } from '../byte-source.ts';
import { viewOf } from '../byte-source.ts';

export interface OggPage {
  readonly serial: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** True when the first packet began on an earlier page. */
  readonly isContinued: boolean;
  /** Position of the last sample of the last packet that ends here; null when none ends, or the checksum is wrong. */
  readonly granule: number | null;
  /** Pieces of packets, in order. */
  readonly pieces: readonly Uint8Array[];
  /** Whether the last piece goes on on the next page of the stream. */
  readonly isOpen: boolean;
}

const HEADER_BYTES = 27;
const MAX_PAGE_BYTES = HEADER_BYTES + 255 + 255 * 255;
const SCAN_BYTES = 64 * 1024;

/** Every whole page of the file, all streams. Damage between pages is skipped; a page cut at the end is dropped. */
export function* oggPages(source: ByteSource, start: number): Generator<OggPage> {
  let position: number | null = start;
  while (position !== null) {
    const bytes = source.read(position, MAX_PAGE_BYTES);
    const page = parsePage(bytes);
    if (page) {
      yield page.page;
      position += page.sizeBytes;
      if (position >= source.sizeBytes) return;
      continue;
    }
    position = findPage(source, position + 1);
  }
}

function parsePage(bytes: Uint8Array): { page: OggPage; sizeBytes: number } | null {
  if (bytes.length < HEADER_BYTES || !isCapture(bytes, 0) || bytes[4] !== 0) return null;
  const segmentCount = bytes[26]!;
  const bodyStart = HEADER_BYTES + segmentCount;
  const pieces: Uint8Array[] = [];
  let pieceStart = bodyStart;
  let position = bodyStart;
  let isOpen = false;
  for (let index = 0; index < segmentCount; index++) {
    const lace = bytes[HEADER_BYTES + index] ?? 0;
    position += lace;
    isOpen = lace === 255;
    if (!isOpen) {
      pieces.push(bytes.subarray(pieceStart, position));
      pieceStart = position;
    }
  }
  if (isOpen) pieces.push(bytes.subarray(pieceStart, position));
  if (position > bytes.length) return null;
  const fields = viewOf(bytes);
  const granule = fields.getBigInt64(6, true);
  const isGranuleUsable = granule >= 0n && granule < 1n << 52n && isChecksumRight(bytes, position);
  const flags = bytes[5]!;
  const page = {
    serial: fields.getUint32(14, true),
    isContinued: (flags & 1) !== 0,
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0,
    granule: isGranuleUsable ? Number(granule) : null,
    pieces,
    isOpen,
  };
  return { page, sizeBytes: position };
}

function findPage(source: ByteSource, start: number): number | null {
  for (let block = start; block < source.sizeBytes; block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + 3);
    for (let index = bytes.indexOf(0x4f); index >= 0 && index < SCAN_BYTES; index = bytes.indexOf(0x4f, index + 1)) {
      if (isCapture(bytes, index)) return block + index;
    }
  }
  return null;
}

function isCapture(bytes: Uint8Array, index: number): boolean {
  return bytes[index] === 0x4f && bytes[index + 1] === 0x67 && bytes[index + 2] === 0x67 && bytes[index + 3] === 0x53;
}

/** CRC-32 with Ogg's polynomial, the checksum field itself taken as zero. */
function isChecksumRight(bytes: Uint8Array, end: number): boolean {
  let value = 0;
  for (let index = 0; index < 22; index++) value = (value << 8) ^ crcTable[(value >>> 24) ^ bytes[index]!]!;
  for (let index = 0; index < 4; index++) value = (value << 8) ^ crcTable[value >>> 24]!;
  for (let index = 26; index < end; index++) value = (value << 8) ^ crcTable[(value >>> 24) ^ bytes[index]!]!;
  return value >>> 0 === viewOf(bytes).getUint32(22, true);
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});
