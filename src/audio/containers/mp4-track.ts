import { findMp4Box, Mp4Fields, mp4Boxes } from './mp4-boxes.ts';
import type { Mp4Codec } from './mp4-codecs.ts';
import { mp4Codec } from './mp4-codecs.ts';

/** A stretch of a track that plays, in units of the media's time scale; `end` null: to the end. */
export interface Mp4Edit {
  readonly start: number;
  readonly end: number | null;
}

export interface Mp4Track {
  readonly id: number;
  readonly isEnabled: boolean;
  readonly timescale: number;
  readonly edits: readonly Mp4Edit[];
  /** Sum of the time table, in the media's time scale; 0 in fragmented files. */
  readonly tableDuration: number;
  readonly stbl: Uint8Array;
  /** Reads the sample description; throws GatewayError when the codec is none of ours. */
  codec(): Mp4Codec;
}

const MAX_EDITS = 256;

/** The sound tracks of a movie, in file order. */
export function soundTracks(moov: Uint8Array, movieTimescale: number): Mp4Track[] {
  const tracks: Mp4Track[] = [];
  for (const { type, body } of mp4Boxes(moov)) {
    const track = type === 'trak' ? parseTrack(body, movieTimescale) : null;
    if (track) tracks.push(track);
  }
  return tracks;
}

function parseTrack(trak: Uint8Array, movieTimescale: number): Mp4Track | null {
  const handler = findMp4Box(trak, 'mdia', 'hdlr');
  const stbl = findMp4Box(trak, 'mdia', 'minf', 'stbl');
  const mdhd = findMp4Box(trak, 'mdia', 'mdhd');
  const tkhd = findMp4Box(trak, 'tkhd');
  const isSound = handler !== null && new Mp4Fields(handler).unsigned32(8) === 0x736f756e; // soun
  if (!isSound || !stbl || !mdhd || !tkhd) return null;
  const head = new Mp4Fields(tkhd);
  const media = new Mp4Fields(mdhd);
  const timescale = media.unsigned32(media.unsigned8(0) === 1 ? 20 : 12) || 1;
  const elst = findMp4Box(trak, 'edts', 'elst');
  return {
    id: head.unsigned32(head.unsigned8(0) === 1 ? 20 : 12),
    isEnabled: (head.unsigned8(3) & 1) === 1,
    timescale,
    edits: elst ? parseEdits(elst, timescale, movieTimescale) : [],
    tableDuration: sumTimes(findMp4Box(stbl, 'stts')),
    stbl,
    codec() {
      const stsd = findMp4Box(stbl, 'stsd') ?? new Uint8Array(0);
      // The first description serves all: no recorder changes codecs inside a sound track.
      for (const { type, body } of mp4Boxes(stsd, 8)) return mp4Codec(type, body);
      return mp4Codec('none', new Uint8Array(0));
    },
  };
}

/** Edits in file order. Empty edits only delay the sound against the picture, and are left out. */
function parseEdits(elst: Uint8Array, timescale: number, movieTimescale: number): Mp4Edit[] {
  const fields = new Mp4Fields(elst);
  const isLong = fields.unsigned8(0) === 1;
  const count = Math.min(fields.unsigned32(4), MAX_EDITS);
  const edits: Mp4Edit[] = [];
  for (let index = 0; index < count; index++) {
    const at = 8 + index * (isLong ? 20 : 12);
    if (at + (isLong ? 20 : 12) > elst.length) break;
    const duration = isLong ? fields.unsigned64(at) : fields.unsigned32(at);
    const start = isLong ? fields.signed64(at + 8) : fields.signed32(at + 4);
    if (start < 0) continue;
    edits.push({ start, end: duration > 0 ? start + (duration / movieTimescale) * timescale : null });
  }
  return edits;
}

function sumTimes(stts: Uint8Array | null): number {
  if (!stts) return 0;
  const fields = new Mp4Fields(stts);
  const count = Math.min(fields.unsigned32(4), Math.floor((stts.length - 8) / 8));
  let total = 0;
  for (let index = 0; index < count; index++) {
    total += fields.unsigned32(8 + index * 8) * fields.unsigned32(12 + index * 8);
  }
  return total;
}
