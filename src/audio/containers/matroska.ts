import type { ByteSource } from '../byte-source.ts';
import type { AudioPacket, AudioSegment, DemuxedAudio, SampleRange } from './container.ts';
import { audioUnreadable, MAX_PACKET_BYTES, playedBetween } from './container.ts';
import type { EbmlElement } from './ebml.ts';
import { ebmlChildren, ebmlElementAt, ebmlFloat, ebmlNumber, ebmlSigned, ebmlUnsigned } from './ebml.ts';
import type { MatroskaTrack, TrackReader } from './matroska-track.ts';
import { parseTrackEntry, trackReader } from './matroska-track.ts';

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const DISCARD_PADDING = 0x75a2;
/** Descriptions of tracks take kilobytes; fonts and pictures live elsewhere. */
const MAX_TRACKS_BYTES = 16 * 1024 * 1024;
const SCAN_BYTES = 64 * 1024;

interface Header {
  readonly track: TrackReader;
  readonly trackNumber: number;
  readonly strippedHeader: Uint8Array;
  readonly durationMs: number | null;
  /** Where the first cluster starts. */
  readonly clusters: number;
}

/**
 * WebM and Matroska. Packets alone tell the length: live recorders write neither durations nor sizes, and their time
 * stamps jitter, so time is the sum of the packets, as every decoder plays them. Codec delay and discard padding come off.
 */
export function readMatroska(source: ByteSource): DemuxedAudio {
  const header = readHeader(source);
  let endTrimNs = 0;
  const segment: AudioSegment = {
    config: header.track.config,
    *packets(): Generator<AudioPacket> {
      for (const block of audioBlocks(source, header.clusters, header.trackNumber)) {
        endTrimNs = block.discardPaddingNs;
        for (const frame of block.frames) {
          const data = restoreHeader(header.strippedHeader, frame);
          yield { data, samples: header.track.samplesOf(data) };
        }
      }
    },
    played(totalSamples): readonly SampleRange[] {
      const endTrim = Math.round((Math.max(0, endTrimNs) * header.track.config.sampleRate) / 1e9);
      return playedBetween(header.track.skipSamples, totalSamples - Math.min(endTrim, totalSamples));
    },
  };
  return { container: 'webm', headerDurationMs: header.durationMs, segments: () => [segment] };
}

function readHeader(source: ByteSource): Header {
  const tracks: MatroskaTrack[] = [];
  let scaleNs = 1_000_000;
  let duration = 0;
  let position = 0;
  let clusters: number | null = null;
  while (clusters === null || tracks.length === 0) {
    const element = ebmlElementAt(source, position);
    if (!element) break;
    if (element.id === CLUSTER) clusters ??= position;
    if (element.id === SEGMENT) {
      position = element.bodyStart;
      continue;
    }
    if (element.id === INFO && element.bodyBytes !== null) {
      for (const { id, body } of ebmlChildren(readBody(source, element))) {
        if (id === 0x2ad7b1) scaleNs = ebmlUnsigned(body);
        else if (id === 0x4489) duration = ebmlFloat(body);
      }
    } else if (element.id === TRACKS && element.bodyBytes !== null) {
      for (const { id, body } of ebmlChildren(readBody(source, element))) {
        if (id === 0xae) tracks.push(parseTrackEntry(body));
      }
    }
    if (element.bodyBytes === null) {
      if (element.id === EBML || element.id === TRACKS) break;
      position = element.bodyStart; // a cluster of unknown size, before any tracks: descend
    } else {
      position = element.bodyStart + element.bodyBytes;
    }
  }
  if (tracks.length === 0) throw audioUnreadable('The WebM or Matroska file ends before it describes its tracks.');
  const audio = tracks.filter((track) => track.isAudio);
  const chosen = audio.find((track) => track.isDefault) ?? audio[0];
  if (!chosen) throw audioUnreadable('The file has no audio track.');
  const durationMs = (duration * scaleNs) / 1e6;
  return {
    track: trackReader(chosen),
    trackNumber: chosen.number,
    strippedHeader: chosen.strippedHeader,
    durationMs: durationMs > 0 && Number.isFinite(durationMs) ? durationMs : null,
    clusters: clusters ?? source.sizeBytes,
  };
}

function readBody(source: ByteSource, element: EbmlElement): Uint8Array {
  return source.read(element.bodyStart, Math.min(element.bodyBytes ?? 0, MAX_TRACKS_BYTES));
}

interface AudioBlock {
  readonly frames: readonly Uint8Array[];
  readonly discardPaddingNs: number;
}

/**
 * Blocks of one track. Segments and clusters are descended into without watching where they end, which reads unknown
 * sizes and joined files alike; after damage the next cluster is looked for.
 */
function* audioBlocks(source: ByteSource, start: number, trackNumber: number): Generator<AudioBlock> {
  let position = start;
  while (position < source.sizeBytes) {
    const element = ebmlElementAt(source, position);
    const end = element?.bodyBytes == null ? null : element.bodyStart + element.bodyBytes;
    if (element && (element.id === CLUSTER || element.id === SEGMENT)) {
      position = element.bodyStart;
    } else if (element && end !== null && end <= source.sizeBytes && isPlausible(element.id)) {
      const block = readBlock(source, element, trackNumber);
      if (block) yield block;
      position = end;
    } else {
      const next = findCluster(source, position + 1);
      if (next === null) return;
      position = next;
    }
  }
}

/** Ids that occur at the levels walked through; anything else means that sync is lost. */
function isPlausible(id: number): boolean {
  return levelIds.has(id);
}

const levelIds: ReadonlySet<number> = new Set([
  ...[EBML, INFO, TRACKS, SIMPLE_BLOCK, BLOCK_GROUP],
  ...[0xec, 0xbf], // void, checksum
  ...[0xe7, 0x5854, 0xa7, 0xab, 0xaf], // cluster: time stamp, silent tracks, position, previous size, encrypted block
  ...[0x114d9b74, 0x1c53bb6b, 0x1941a469, 0x1043a770, 0x1254c367], // seek head, cues, attachments, chapters, tags
]);

function readBlock(source: ByteSource, element: EbmlElement, trackNumber: number): AudioBlock | null {
  const size = element.bodyBytes ?? 0;
  if (element.id !== SIMPLE_BLOCK && element.id !== BLOCK_GROUP) return null;
  // Of video blocks, which are most of the bytes, only the head is read.
  if (element.id === SIMPLE_BLOCK) {
    const track = ebmlNumber(source.read(element.bodyStart, Math.min(size, 8)), 0);
    if (!track || track.value !== trackNumber || size > MAX_PACKET_BYTES) return null;
    return { frames: blockFrames(source.read(element.bodyStart, size), trackNumber) ?? [], discardPaddingNs: 0 };
  }
  if (size > MAX_PACKET_BYTES) return null;
  let frames: readonly Uint8Array[] | null = null;
  let discardPaddingNs = 0;
  for (const { id, body } of ebmlChildren(source.read(element.bodyStart, size))) {
    if (id === BLOCK) frames = blockFrames(body, trackNumber);
    else if (id === DISCARD_PADDING) discardPaddingNs = ebmlSigned(body);
  }
  return frames && { frames, discardPaddingNs };
}

/** The frames of a block, unlaced; null when it belongs to another track or is damaged. */
function blockFrames(block: Uint8Array, trackNumber: number): Uint8Array[] | null {
  const track = ebmlNumber(block, 0);
  if (!track || track.value !== trackNumber || block.length < track.length + 4) return null;
  const lacing = (block[track.length + 2]! >> 1) & 3;
  let position = track.length + 3;
  if (lacing === 0) return [block.subarray(position)];
  const count = block[position++]! + 1;
  const sizes: number[] = [];
  if (lacing === 2) {
    const each = Math.floor((block.length - position) / count);
    for (let index = 1; index < count; index++) sizes.push(each);
  } else if (lacing === 1) {
    for (let index = 1; index < count; index++) {
      let size = 0;
      while (block[position] === 255) {
        size += 255;
        position++;
      }
      size += block[position++] ?? 0;
      sizes.push(size);
    }
  } else {
    for (let index = 1; index < count; index++) {
      const number = ebmlNumber(block, position);
      if (!number) return null;
      position += number.length;
      // The first is absolute, the others are signed differences, biased to be positive.
      const bias = 2 ** (7 * number.length - 1) - 1;
      sizes.push(index === 1 ? number.value : sizes[index - 2]! + number.value - bias);
    }
  }
  const frames: Uint8Array[] = [];
  for (const size of sizes) {
    if (size < 0 || position + size > block.length) return null;
    frames.push(block.subarray(position, position + size));
    position += size;
  }
  frames.push(block.subarray(position));
  return frames;
}

function restoreHeader(stripped: Uint8Array, frame: Uint8Array): Uint8Array {
  return stripped.length === 0 ? frame : Buffer.concat([stripped, frame]);
}

function findCluster(source: ByteSource, start: number): number | null {
  for (let block = start; block < source.sizeBytes; block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + 3);
    for (let index = bytes.indexOf(0x1f); index >= 0 && index < SCAN_BYTES; index = bytes.indexOf(0x1f, index + 1)) {
      if (bytes[index + 1] === 0x43 && bytes[index + 2] === 0xb6 && bytes[index + 3] === 0x75) return block + index;
    }
  }
  return null;
}
