import type { ByteSource } from '../byte-source.ts';
import { latin1 } from '../byte-source.ts';
import type { AudioPacket, AudioSegment, DemuxedAudio, SampleRange } from './container.ts';
import { audioUnreadable, MAX_PACKET_BYTES, playedBetween } from './container.ts';
import { findMp4Box, Mp4Fields, mp4TopLevelBoxes } from './mp4-boxes.ts';
import type { Mp4Codec } from './mp4-codecs.ts';
import type { SampleRun } from './mp4-samples.ts';
import { defaultSampleBytes, fragmentRuns, runBytes, tableRuns } from './mp4-samples.ts';
import type { Mp4Track } from './mp4-track.ts';
import { soundTracks } from './mp4-track.ts';
import { frameBytesOf, linearPackets } from './wav.ts';

/** Four hours of telephone-rate packets, tabled separately, come to some 20 MB. */
const MAX_MOVIE_BYTES = 128 * 1024 * 1024;

/** MP4, M4A, 3GP and QuickTime, whole or in fragments. */
export function readMp4(source: ByteSource): DemuxedAudio {
  const moov = readMovie(source);
  const mvhd = new Mp4Fields(findMp4Box(moov, 'mvhd') ?? new Uint8Array(0));
  const isLong = mvhd.unsigned8(0) === 1;
  const movieTimescale = mvhd.unsigned32(isLong ? 20 : 12) || 1000;
  const tracks = soundTracks(moov, movieTimescale);
  const track = tracks.find((candidate) => candidate.isEnabled) ?? tracks[0];
  if (!track) throw audioUnreadable('The file has no audio track.');
  const codec = track.codec();
  const movieDuration = isLong ? mvhd.unsigned64(24) : mvhd.unsigned32(16);
  const isKnown = movieDuration > 0 && movieDuration < (isLong ? 2 ** 63 : 0xffffffff);
  const segment: AudioSegment = {
    config: codec.config,
    packets: () => packetsOf(source, moov, track, codec),
    played: (totalSamples) => playedRanges(track, codec, gaplessInfo(moov), totalSamples),
  };
  return {
    container: 'mp4',
    headerDurationMs: isKnown ? (movieDuration / movieTimescale) * 1000 : null,
    segments: () => [segment],
  };
}

function readMovie(source: ByteSource): Uint8Array {
  for (const box of mp4TopLevelBoxes(source)) {
    if (box.type !== 'moov') continue;
    const bytes = box.end - box.bodyStart;
    if (bytes > MAX_MOVIE_BYTES) throw audioUnreadable('The index of the MP4 file is too large to read.');
    return source.read(box.bodyStart, bytes).slice();
  }
  throw audioUnreadable('The MP4 file has no index (moov box): it was cut off, or its recording never ended.');
}

function* packetsOf(source: ByteSource, moov: Uint8Array, track: Mp4Track, codec: Mp4Codec): Generator<AudioPacket> {
  for (const run of tableRuns(track.stbl)) yield* runPackets(source, run, codec);
  const defaultBytes = defaultSampleBytes(moov, track.id);
  for (const box of mp4TopLevelBoxes(source)) {
    if (box.type !== 'moof') continue;
    for (const run of fragmentRuns(source, box, track.id, defaultBytes)) yield* runPackets(source, run, codec);
  }
}

/** The packets of a run, as far as the file holds them. */
function* runPackets(source: ByteSource, run: SampleRun, codec: Mp4Codec): Generator<AudioPacket> {
  if (!codec.samplesOf) {
    // One "sample" of linear audio is one frame of all channels, whatever the size table says of it.
    const frameBytes = frameBytesOf(codec.config);
    const isFrameSized = run.count > 0 && run.sizeAt(0) <= frameBytes;
    const bytes = isFrameSized ? run.count * frameBytes : runBytes(run);
    yield* linearPackets(source, run.offset, Math.min(bytes, Math.max(0, source.sizeBytes - run.offset)), frameBytes);
    return;
  }
  let offset = run.offset;
  for (let index = 0; index < run.count; index++) {
    const size = run.sizeAt(index);
    if (size > MAX_PACKET_BYTES || offset + size > source.sizeBytes) return;
    if (size > 0) {
      const data = source.read(offset, size);
      yield { data, samples: codec.samplesOf(data) };
    }
    offset += size;
  }
}

/** What plays: the edit list, or Apple's gapless note, or else all but Opus's own pre-skip. */
function playedRanges(
  track: Mp4Track,
  codec: Mp4Codec,
  gapless: SampleRange | null,
  totalSamples: number,
): readonly SampleRange[] {
  const { sampleRate } = codec.config;
  const toSamples = (time: number) => Math.round((time / track.timescale) * sampleRate);
  // The time table may give the last packet less than its full length: encoders say so where sound ends.
  const tableEnd = toSamples(track.tableDuration);
  const lastPacket = codec.packetSamples ?? 2_880;
  const end = tableEnd > totalSamples - lastPacket && tableEnd < totalSamples ? tableEnd : totalSamples;
  const edited = track.edits.flatMap((edit) => {
    const editEnd = edit.end === null ? end : Math.min(toSamples(edit.end), end);
    return playedBetween(Math.min(toSamples(edit.start), totalSamples), editEnd);
  });
  const hasPriming = edited.length > 0 && edited[0]!.start > 0;
  if (!hasPriming && gapless && gapless.end <= totalSamples) return playedBetween(gapless.start, gapless.end);
  if (!hasPriming && codec.config.codec === 'opus') {
    return playedBetween(codec.config.preSkip, edited.at(-1)?.end ?? end);
  }
  if (track.edits.length === 0) return playedBetween(0, end);
  return inOrder(edited);
}

/** Ranges that rise and do not overlap: a decoder passes each sample once. Repeats and jumps back are left out. */
function inOrder(ranges: readonly SampleRange[]): readonly SampleRange[] {
  const kept: SampleRange[] = [];
  for (const range of ranges) {
    const from = Math.max(range.start, kept.at(-1)?.end ?? 0);
    if (range.end > from) kept.push({ start: from, end: range.end });
  }
  return kept;
}

/** iTunes' `iTunSMPB`: hexadecimal delay, padding and length in samples, as text deep inside the metadata. */
function gaplessInfo(moov: Uint8Array): SampleRange | null {
  const udta = findMp4Box(moov, 'udta');
  if (!udta || udta.length > 4 * 1024 * 1024) return null;
  const at = Buffer.from(udta.buffer, udta.byteOffset, udta.byteLength).indexOf('iTunSMPB');
  if (at < 0) return null;
  const match = / [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{8}) ([0-9A-F]{16})/.exec(latin1(udta, at, at + 200));
  if (!match) return null;
  const start = Number.parseInt(match[1]!, 16);
  const length = Number.parseInt(match[3]!, 16);
  return length > 0 ? { start, end: start + length } : null;
}
