import type { ByteSource } from '../byte-source.ts';
import type { MpegAudioHeader, MpegInfoFrame } from '../packets/mpeg-audio-frame.ts';
import { parseMpegAudioHeader, parseMpegInfoFrame } from '../packets/mpeg-audio-frame.ts';
import type { AudioPacket, AudioSegment, DemuxedAudio, SampleRange } from './container.ts';
import { audioUnreadable, playedBetween } from './container.ts';
import { skipId3 } from './id3.ts';

/** Samples by which any layer III decoder lags; the LAME header's numbers do not include them. */
const DECODER_DELAY = 529;
/** Two frames that follow one another prove the first; a stream cut out of a broadcast starts in the middle of one. */
const PROOF_FRAMES = 3;
/** How far to look for the first frame. Lost sync later on is looked for to the end. */
const SEARCH_BYTES = 256 * 1024;
const SCAN_BYTES = 64 * 1024;

interface Frame {
  readonly offset: number;
  readonly header: MpegAudioHeader;
}

/** An MP3 file (or bare layer I or II): tags before and after, frames between. */
export function readMpegAudio(source: ByteSource): DemuxedAudio {
  const start = skipId3(source);
  const first = findFrame(source, start, start + SEARCH_BYTES);
  if (!first) throw audioUnreadable('The file has no MPEG audio frame after its tag.');
  const info = parseMpegInfoFrame(source.read(first.offset, first.header.frameBytes), first.header);
  const headerDurationMs = info?.frames ? (playedSamples(info, first.header) / first.header.sampleRate) * 1000 : null;
  return { container: 'mp3', headerDurationMs, segments: () => mpegAudioSegments(source, first.offset) };
}

/** True when a frame near `start` is followed by others like it; `strict` asks for one exactly at `start`. */
export function looksLikeMpegAudio(source: ByteSource, start: number): boolean {
  return findFrame(source, start, start + SEARCH_BYTES) !== null;
}

/**
 * Frames from `start` on. A new segment begins where rate, layer or channels change, and at every information frame:
 * joined MP3s keep their own encoder delays.
 */
export function* mpegAudioSegments(source: ByteSource, start: number): Generator<AudioSegment> {
  let next = findFrame(source, start, source.sizeBytes);
  while (next) {
    const header = next.header;
    const firstBytes = source.read(next.offset, header.frameBytes);
    const info = parseMpegInfoFrame(firstBytes, header);
    if (info) {
      const after = followingFrame(source, next);
      if (!after) return;
      // Only an information frame may differ in kind from what follows it; then the sound decides.
      next = after;
    }
    const segment = new MpegAudioSegment(source, next, info);
    yield segment;
    next = segment.following;
  }
}

class MpegAudioSegment implements AudioSegment {
  readonly config;
  /** The first frame of the next segment, known after the packets have been taken. */
  following: Frame | null = null;
  readonly #source: ByteSource;
  readonly #first: Frame;
  readonly #info: MpegInfoFrame | null;

  constructor(source: ByteSource, first: Frame, info: MpegInfoFrame | null) {
    const { codec, sampleRate, channels } = first.header;
    this.config = { codec, sampleRate, channels };
    this.#source = source;
    this.#first = first;
    this.#info = info;
  }

  *packets(): Generator<AudioPacket> {
    const { codec, sampleRate, channels } = this.config;
    let frame: Frame | null = this.#first;
    while (frame) {
      const { header } = frame;
      if (header.codec !== codec || header.sampleRate !== sampleRate || header.channels !== channels) break;
      const data = this.#source.read(frame.offset, header.frameBytes);
      if (data.length < header.frameBytes) return;
      if (frame !== this.#first && parseMpegInfoFrame(data, header)) break;
      yield { data, samples: header.samples };
      frame = followingFrame(this.#source, frame);
    }
    this.following = frame;
  }

  played(totalSamples: number): readonly SampleRange[] {
    const info = this.#info;
    if (!info || info.delay === null) return playedBetween(0, totalSamples);
    // A file cut short has lost its padding with its end; a file that was appended to ends elsewhere.
    const complete = info.frames === null || info.frames * this.#first.header.samples === totalSamples;
    const start = info.delay + DECODER_DELAY;
    const end = complete ? totalSamples - Math.max(0, info.padding - DECODER_DELAY) : totalSamples;
    return playedBetween(Math.min(start, totalSamples), end);
  }
}

function playedSamples(info: MpegInfoFrame, header: MpegAudioHeader): number {
  const all = (info.frames ?? 0) * header.samples;
  return info.delay === null ? all : Math.max(0, all - info.delay - info.padding);
}

/** The frame right after this one, or, when that is not there, the next that can be proved. */
function followingFrame(source: ByteSource, frame: Frame): Frame | null {
  const offset = frame.offset + frame.header.frameBytes;
  const header = parseMpegAudioHeader(source.read(offset, 4), 0);
  if (header && isSameStream(frame.header, header)) return { offset, header };
  return findFrame(source, offset, source.sizeBytes);
}

/** The first frame in [start, end) that PROOF_FRAMES − 1 frames of its kind follow, or that ends the source. */
function findFrame(source: ByteSource, start: number, end: number): Frame | null {
  for (let block = start; block < Math.min(end, source.sizeBytes); block += SCAN_BYTES) {
    const bytes = source.read(block, SCAN_BYTES + 3);
    for (let index = bytes.indexOf(0xff); index >= 0 && index < SCAN_BYTES; index = bytes.indexOf(0xff, index + 1)) {
      const header = parseMpegAudioHeader(bytes, index);
      if (header && isProved(source, block + index, header)) return { offset: block + index, header };
    }
  }
  return null;
}

function isProved(source: ByteSource, offset: number, header: MpegAudioHeader): boolean {
  let position = offset;
  let current = header;
  for (let count = 1; count < PROOF_FRAMES; count++) {
    position += current.frameBytes;
    // A very short recording: frames that fill the source to its last byte are proof enough.
    if (position === source.sizeBytes) return true;
    const next = parseMpegAudioHeader(source.read(position, 4), 0);
    if (!next || !isSameStream(current, next)) return false;
    current = next;
  }
  return position + current.frameBytes <= source.sizeBytes;
}

function isSameStream(one: MpegAudioHeader, other: MpegAudioHeader): boolean {
  return one.codec === other.codec && one.sampleRate === other.sampleRate;
}
