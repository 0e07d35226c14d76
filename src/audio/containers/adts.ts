import type { ByteSource } from '../byte-source.ts';
import type { AudioPacket, AudioSegment, DemuxedAudio } from './container.ts';
import { audioUnreadable, checkConfig, playedWhole } from './container.ts';
import { skipId3 } from './id3.ts';

interface AdtsHeader {
  readonly objectType: number;
  readonly rateIndex: number;
  readonly channelConfiguration: number;
  readonly headerBytes: number;
  readonly frameBytes: number;
  readonly blocks: number;
}

const sampleRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350] as const;
const SAMPLES_PER_BLOCK = 1024;
const PROOF_FRAMES = 3;
const SEARCH_BYTES = 64 * 1024;
const SCAN_BYTES = 64 * 1024;

/** AAC as broadcast: a header before every frame and nothing else, so no claim about the whole and no trims. */
export function readAdts(source: ByteSource): DemuxedAudio {
  const start = skipId3(source);
  const offset = findFrame(source, start, start + SEARCH_BYTES);
  const header = offset === null ? null : headerAt(source, offset);
  if (offset === null || !header) throw audioUnreadable('The file has no AAC frame after its tag.');
  const segment: AudioSegment = {
    config: checkConfig({
      codec: 'aac',
      sampleRate: sampleRates[header.rateIndex]!,
      channels: header.channelConfiguration === 7 ? 8 : header.channelConfiguration || 2,
      audioSpecificConfig: specificConfigOf(header),
    }),
    packets: () => framesFrom(source, offset, header),
    played: playedWhole,
  };
  return { container: 'adts', headerDurationMs: null, segments: () => [segment] };
}

export function looksLikeAdts(source: ByteSource, start: number): boolean {
  return findFrame(source, start, start + SEARCH_BYTES) !== null;
}

function* framesFrom(source: ByteSource, start: number, first: AdtsHeader): Generator<AudioPacket> {
  let position: number | null = start;
  while (position !== null) {
    const header = headerAt(source, position);
    if (!header || !isSameStream(first, header)) {
      position = findFrame(source, position + 1, source.sizeBytes);
      continue;
    }
    const frame = source.read(position, header.frameBytes);
    if (frame.length < header.frameBytes) return;
    yield { data: frame.subarray(header.headerBytes), samples: header.blocks * SAMPLES_PER_BLOCK };
    position += header.frameBytes;
  }
}

function headerAt(source: ByteSource, offset: number): AdtsHeader | null {
  return parseHeader(source.read(offset, 7), 0);
}

function parseHeader(bytes: Uint8Array, offset: number): AdtsHeader | null {
  if (offset + 7 > bytes.length || bytes[offset] !== 0xff || (bytes[offset + 1]! & 0xf6) !== 0xf0) return null;
  const hasChecksum = (bytes[offset + 1]! & 1) === 0;
  const rateIndex = (bytes[offset + 2]! >> 2) & 15;
  const headerBytes = hasChecksum ? 9 : 7;
  const frameBytes = ((bytes[offset + 3]! & 3) << 11) | (bytes[offset + 4]! << 3) | (bytes[offset + 5]! >> 5);
  if (rateIndex >= sampleRates.length || frameBytes <= headerBytes) return null;
  return {
    objectType: (bytes[offset + 2]! >> 6) + 1,
    rateIndex,
    channelConfiguration: ((bytes[offset + 2]! & 1) << 2) | (bytes[offset + 3]! >> 6),
    headerBytes,
    frameBytes,
    blocks: (bytes[offset + 6]! & 3) + 1,
  };
}

function findFrame(source: ByteSource, start: number, end: number): number | null {
  for (let block = start; block < Math.min(end, source.sizeBytes); block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + 6);
    for (let index = bytes.indexOf(0xff); index >= 0 && index < SCAN_BYTES; index = bytes.indexOf(0xff, index + 1)) {
      const header = parseHeader(bytes, index);
      if (header && isProved(source, block + index, header)) return block + index;
    }
  }
  return null;
}

function isProved(source: ByteSource, offset: number, first: AdtsHeader): boolean {
  let position = offset + first.frameBytes;
  for (let count = 1; count < PROOF_FRAMES; count++) {
    if (position === source.sizeBytes) return true;
    const next = headerAt(source, position);
    if (!next || !isSameStream(first, next)) return false;
    position += next.frameBytes;
  }
  return position <= source.sizeBytes;
}

function isSameStream(one: AdtsHeader, other: AdtsHeader): boolean {
  return (
    one.objectType === other.objectType &&
    one.rateIndex === other.rateIndex &&
    one.channelConfiguration === other.channelConfiguration
  );
}

/** The two bytes that MP4 would carry: object type, rate index, channel configuration. */
function specificConfigOf(header: AdtsHeader): Uint8Array {
  const bits = (header.objectType << 11) | (header.rateIndex << 7) | (header.channelConfiguration << 3);
  return Uint8Array.of(bits >> 8, bits & 0xff);
}
