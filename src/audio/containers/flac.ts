import type { ByteSource } from '../byte-source.ts';
import type { FlacFrameHeader, FlacStreamInfo } from '../packets/flac-frame.ts';
import { FLAC_HEADER_BYTES, flacCrc16, parseFlacFrameHeader, parseFlacStreamInfo } from '../packets/flac-frame.ts';
import type { AudioPacket, DemuxedAudio } from './container.ts';
import { audioUnreadable, checkConfig, playedWhole } from './container.ts';

const MAX_METADATA_BLOCKS = 1_000;
/** The largest frame: 65,535 samples of eight channels at 32 bits, stored verbatim. */
const MAX_FRAME_BYTES = 65_535 * 8 * 4 + FLAC_HEADER_BYTES + 2;
const SCAN_BYTES = 16 * 1024;

/**
 * A native FLAC file. STREAMINFO's length is not believed: frames are found by their checked headers, and a frame counts
 * when its checksum is right, so that a file cut in the middle ends where its sound ends.
 */
export function readFlac(source: ByteSource, start: number): DemuxedAudio {
  let position = start + 4;
  let info: FlacStreamInfo | null = null;
  for (let block = 0; block < MAX_METADATA_BLOCKS; block++) {
    const head = source.read(position, 4);
    if (head.length < 4) throw audioUnreadable('The FLAC file ends before its first frame.');
    const length = (head[1]! << 16) | (head[2]! << 8) | head[3]!;
    if ((head[0]! & 0x7f) === 0 && !info) info = parseFlacStreamInfo(source.read(position + 4, 34));
    position += 4 + length;
    if (head[0]! & 0x80) break;
  }
  if (!info) throw audioUnreadable('The FLAC file has no stream description.');
  const config = checkConfig({ codec: 'flac' as const, sampleRate: info.sampleRate, channels: info.channels });
  const streamInfo = info;
  const framesStart = position;
  const segment = { config, packets: () => flacFrames(source, framesStart, streamInfo), played: playedWhole };
  return {
    container: 'flac',
    headerDurationMs: info.totalSamples > 0 ? (info.totalSamples / info.sampleRate) * 1000 : null,
    segments: () => [segment],
  };
}

interface FoundFrame {
  readonly offset: number;
  readonly header: FlacFrameHeader;
}

/** Whole frames in order. What lies between frames, or fails its checksum at the end of the file, is skipped. */
function* flacFrames(source: ByteSource, start: number, info: FlacStreamInfo): Generator<AudioPacket> {
  let frame = findFrame(source, start, source.sizeBytes, info);
  while (frame) {
    let end = nextFrameOffset(source, frame, frame.offset + frame.header.headerBytes, info);
    let data = source.read(frame.offset, end - frame.offset);
    let crc = flacCrc16(data, 0, data.length);
    // A header's pattern can occur by chance inside a frame: then the checksum fails here and holds further on.
    const firstEnd = end;
    while (crc !== 0 && end < source.sizeBytes && end - firstEnd <= 4 * (firstEnd - frame.offset) + SCAN_BYTES) {
      const further = nextFrameOffset(source, frame, end + 2, info);
      if (further <= end) break;
      data = source.read(frame.offset, further - frame.offset);
      crc = flacCrc16(data, end - frame.offset, data.length, crc);
      end = further;
    }
    const isSound = crc === 0;
    if (isSound) {
      yield { data, samples: frame.header.samples };
    } else {
      end = firstEnd;
      // Damaged in the middle: its time passes in silence. Cut at the end: it never played.
      if (end < source.sizeBytes)
        yield { data: source.read(frame.offset, end - frame.offset), samples: frame.header.samples };
    }
    frame = end < source.sizeBytes ? findFrame(source, end, source.sizeBytes, info) : null;
  }
}

/** Where the frame's successor starts, or the end of the source. */
function nextFrameOffset(source: ByteSource, frame: FoundFrame, from: number, info: FlacStreamInfo): number {
  const limit = Math.min(source.sizeBytes, frame.offset + MAX_FRAME_BYTES);
  const next = findFrame(source, from, limit, info, frame.header);
  return next ? next.offset : limit;
}

/** The first checked frame header in [start, end) that fits the stream, and comes after `previous`. */
function findFrame(
  source: ByteSource,
  start: number,
  end: number,
  info: FlacStreamInfo,
  previous?: FlacFrameHeader,
): FoundFrame | null {
  for (let block = start; block < end; block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + FLAC_HEADER_BYTES);
    if (bytes.length < 8) return null;
    for (let index = bytes.indexOf(0xff); index >= 0 && index < SCAN_BYTES; index = bytes.indexOf(0xff, index + 1)) {
      const header = parseFlacFrameHeader(bytes, index);
      if (header && belongs(header, info) && (!previous || follows(previous, header))) {
        return block + index < end ? { offset: block + index, header } : null;
      }
    }
  }
  return null;
}

function belongs(header: FlacFrameHeader, info: FlacStreamInfo): boolean {
  return header.channels === info.channels && (header.sampleRate === 0 || header.sampleRate === info.sampleRate);
}

function follows(previous: FlacFrameHeader, header: FlacFrameHeader): boolean {
  return header.isVariable === previous.isVariable && header.number > previous.number;
}
