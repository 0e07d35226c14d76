import type { ByteSource } from '../byte-source.ts';
import { SplicedByteSource, viewOf } from '../byte-source.ts';
import type { DemuxedAudio } from './container.ts';
import { audioUnreadable, unsupportedAudio } from './container.ts';
import { mpegAudioSegments } from './mpeg-audio.ts';

const PACK_HEADER = 0xba;
const SYSTEM_HEADER = 0xbb;
const PRIVATE_STREAM_1 = 0xbd;
const PROGRAM_END = 0xb9;
const SCAN_BYTES = 64 * 1024;
/** About 4 GB of two-kilobyte packets; what lies beyond is not heard. */
const MAX_PIECES = 2_000_000;

/** MPEG-1 and MPEG-2 program streams (`.mpg`, `.mpeg`, `.vob`): the first MPEG audio stream in them. */
export function readMpegProgramStream(source: ByteSource): DemuxedAudio {
  const { pieces, hasPrivateStream } = collectAudio(source);
  if (pieces.length === 0) {
    if (hasPrivateStream) {
      throw unsupportedAudio('The sound of this MPEG file is AC-3, DTS or LPCM, which cannot be decoded.');
    }
    throw audioUnreadable('The file has no audio track.');
  }
  const stream = new SplicedByteSource(source, pieces);
  return { container: 'mpeg', headerDurationMs: null, segments: () => mpegAudioSegments(stream, 0) };
}

/** Offsets and lengths, in turn, of the payload of the first audio stream. */
function collectAudio(source: ByteSource): { pieces: number[]; hasPrivateStream: boolean } {
  const pieces: number[] = [];
  let audioStream = 0;
  let hasPrivateStream = false;
  let position = 0;
  while (position + 6 <= source.sizeBytes && pieces.length < 2 * MAX_PIECES) {
    const head = source.read(position, 14);
    if (head[0] !== 0 || head[1] !== 0 || head[2] !== 1 || head[3]! < PROGRAM_END) {
      const found = findStartCode(source, position + 1);
      if (found === null) break;
      position = found;
      continue;
    }
    const id = head[3]!;
    if (id === PROGRAM_END) {
      position += 4;
    } else if (id === PACK_HEADER) {
      const isVersion2 = (head[4]! & 0xc0) === 0x40;
      position += isVersion2 ? 14 + ((head[13] ?? 0) & 7) : 12;
    } else {
      const length = viewOf(head).getUint16(4);
      const isAudio = id >= 0xc0 && id <= 0xdf;
      if (id === PRIVATE_STREAM_1) hasPrivateStream = true;
      if (isAudio && (audioStream === 0 || id === audioStream)) {
        audioStream = id;
        const end = Math.min(position + 6 + length, source.sizeBytes);
        const start = payloadStart(source, position + 6, end);
        if (end > start) pieces.push(start, end - start);
      }
      position += 6 + (id === SYSTEM_HEADER || length > 0 ? length : 0);
    }
  }
  return { pieces, hasPrivateStream };
}

/** Skips the packet header, which differs between MPEG-1 and MPEG-2. */
function payloadStart(source: ByteSource, start: number, end: number): number {
  const head = source.read(start, Math.min(32, end - start));
  if (head.length >= 3 && (head[0]! & 0xc0) === 0x80) return start + 3 + head[2]!;
  let index = 0;
  while (index < head.length && head[index] === 0xff) index++; // stuffing
  if (index < head.length && (head[index]! & 0xc0) === 0x40) index += 2; // buffer size
  const marker = (head[index] ?? 0) & 0xf0;
  return start + index + (marker === 0x20 ? 5 : marker === 0x30 ? 10 : 1);
}

function findStartCode(source: ByteSource, start: number): number | null {
  for (let block = start; block < source.sizeBytes; block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + 3);
    for (let index = bytes.indexOf(1, 2); index >= 0 && index < bytes.length - 1; index = bytes.indexOf(1, index + 1)) {
      if (bytes[index - 1] === 0 && bytes[index - 2] === 0 && bytes[index + 1]! >= PROGRAM_END)
        return block + index - 2;
    }
  }
  return null;
}
