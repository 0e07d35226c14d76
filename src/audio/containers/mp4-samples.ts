import type { ByteSource } from '../byte-source.ts';
import type { Mp4BoxHead } from './mp4-boxes.ts';
import { findMp4Box, Mp4Fields, mp4Boxes } from './mp4-boxes.ts';

/** Samples that lie one behind the other. Counts are bounded by the tables that hold them, or by one size for all. */
export interface SampleRun {
  readonly offset: number;
  readonly count: number;
  /** The bytes of every sample, where they are the same; else null. */
  readonly eachBytes: number | null;
  sizeAt(index: number): number;
}

/** The bytes of a whole run. */
export function runBytes(run: SampleRun): number {
  if (run.eachBytes !== null) return run.count * run.eachBytes;
  let bytes = 0;
  for (let index = 0; index < run.count; index++) bytes += run.sizeAt(index);
  return bytes;
}

/** A whole sample table is a few megabytes for hours of sound; a fragment's is a few hundred bytes. */
const MAX_FRAGMENT_BYTES = 16 * 1024 * 1024;

/** The chunks of an unfragmented track. */
export function* tableRuns(stbl: Uint8Array): Generator<SampleRun> {
  const sizes = sampleSizes(stbl);
  const stsc = findMp4Box(stbl, 'stsc');
  const short = findMp4Box(stbl, 'stco');
  const long = short ? null : findMp4Box(stbl, 'co64');
  const offsets = short ?? long;
  if (!sizes || !stsc || !offsets) return;
  const chunkFields = new Mp4Fields(stsc);
  const offsetFields = new Mp4Fields(offsets);
  const groups = Math.min(chunkFields.unsigned32(4), Math.floor((stsc.length - 8) / 12));
  const chunks = Math.min(offsetFields.unsigned32(4), Math.floor((offsets.length - 8) / (short ? 4 : 8)));
  let first = 0;
  let group = 0;
  for (let chunk = 0; chunk < chunks && first < sizes.count; chunk++) {
    while (group + 1 < groups && chunkFields.unsigned32(8 + (group + 1) * 12) <= chunk + 1) group++;
    const count = Math.min(groups > 0 ? chunkFields.unsigned32(12 + group * 12) : 0, sizes.count - first);
    const start = first;
    yield {
      offset: short ? offsetFields.unsigned32(8 + chunk * 4) : offsetFields.unsigned64(8 + chunk * 8),
      count,
      eachBytes: sizes.eachBytes,
      sizeAt: (index) => sizes.at(start + index),
    };
    first += count;
  }
}

interface SampleSizes {
  readonly count: number;
  readonly eachBytes: number | null;
  at(index: number): number;
}

function sampleSizes(stbl: Uint8Array): SampleSizes | null {
  const stsz = findMp4Box(stbl, 'stsz');
  if (stsz) {
    const fields = new Mp4Fields(stsz);
    const each = fields.unsigned32(4);
    const count = fields.unsigned32(8);
    if (each > 0) return { count, eachBytes: each, at: () => each };
    return {
      count: Math.min(count, Math.floor((stsz.length - 12) / 4)),
      eachBytes: null,
      at: (index) => fields.unsigned32(12 + index * 4),
    };
  }
  const stz2 = findMp4Box(stbl, 'stz2');
  if (!stz2) return null;
  const fields = new Mp4Fields(stz2);
  const bits = fields.unsigned8(7);
  if (bits !== 4 && bits !== 8 && bits !== 16) return null;
  return {
    count: Math.min(fields.unsigned32(8), Math.floor(((stz2.length - 12) * 8) / bits)),
    eachBytes: null,
    at(index) {
      if (bits === 16) return fields.unsigned16(12 + index * 2);
      if (bits === 8) return fields.unsigned8(12 + index);
      return (fields.unsigned8(12 + (index >> 1)) >> (index & 1 ? 0 : 4)) & 15;
    },
  };
}

/** The runs of one track inside a movie fragment. */
export function* fragmentRuns(
  source: ByteSource,
  moof: Mp4BoxHead,
  trackId: number,
  defaultBytes: number,
): Generator<SampleRun> {
  const body = source.read(moof.bodyStart, Math.min(moof.end - moof.bodyStart, MAX_FRAGMENT_BYTES)).slice();
  for (const traf of mp4Boxes(body)) {
    if (traf.type !== 'traf') continue;
    const tfhd = findMp4Box(traf.body, 'tfhd');
    if (!tfhd) continue;
    const head = new Mp4Fields(tfhd);
    if (head.unsigned32(4) !== trackId) continue;
    const flags = head.unsigned32(0) & 0xffffff;
    let at = 8;
    let base = moof.start;
    if (flags & 0x1) {
      base = head.unsigned64(at);
      at += 8;
    }
    if (flags & 0x2) at += 4;
    if (flags & 0x8) at += 4;
    const defaultSize = flags & 0x10 ? head.unsigned32(at) : defaultBytes;
    let next = base;
    for (const trun of mp4Boxes(traf.body)) {
      if (trun.type !== 'trun') continue;
      const run = parseRun(trun.body, base, next, defaultSize);
      yield run;
      next = run.offset + runBytes(run);
    }
  }
}

function parseRun(body: Uint8Array, base: number, next: number, defaultSize: number): SampleRun {
  const fields = new Mp4Fields(body);
  const flags = fields.unsigned32(0) & 0xffffff;
  let at = 8;
  let offset = next;
  if (flags & 0x1) {
    offset = base + fields.signed32(at);
    at += 4;
  }
  if (flags & 0x4) at += 4;
  const fieldCount = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length;
  const claimed = fields.unsigned32(4);
  const start = at + (flags & 0x100 ? 4 : 0);
  if (!(flags & 0x200)) {
    // Without a size each, the run is only as long as the number says; the caller stops at the end of the file.
    const count = defaultSize > 0 ? claimed : 0;
    return { offset, count, eachBytes: defaultSize, sizeAt: () => defaultSize };
  }
  const count = Math.min(claimed, Math.floor((body.length - at) / (4 * fieldCount)));
  return { offset, count, eachBytes: null, sizeAt: (index) => fields.unsigned32(start + index * 4 * fieldCount) };
}

/** The size of a track's samples in fragments that give none; 0 when that is not told either. */
export function defaultSampleBytes(moov: Uint8Array, trackId: number): number {
  const mvex = findMp4Box(moov, 'mvex');
  if (!mvex) return 0;
  for (const trex of mp4Boxes(mvex)) {
    const fields = new Mp4Fields(trex.body);
    if (trex.type === 'trex' && fields.unsigned32(4) === trackId) return fields.unsigned32(16);
  }
  return 0;
}
