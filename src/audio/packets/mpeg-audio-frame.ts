import type { CodecName } from '../audio.ts';

/** A parsed MPEG-1/2/2.5 audio frame header, layers I to III. */
export interface MpegAudioHeader {
  readonly codec: Extract<CodecName, 'mp1' | 'mp2' | 'mp3'>;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly frameBytes: number;
  readonly samples: number;
  /** Where a Xing, Info or LAME header lies in a layer III frame, in bytes from the frame's start. */
  readonly infoOffset: number;
}

/** What an encoder wrote into the silent first frame of an MP3. */
export interface MpegInfoFrame {
  /** Number of audio frames that follow, null when not told. */
  readonly frames: number | null;
  /** Samples of encoder delay and end padding, null when not told. */
  readonly delay: number | null;
  readonly padding: number;
}

const bitRates1 = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
] as const;
const bitRates2 = [
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;
const sampleRates: Readonly<Record<number, readonly number[]>> = {
  0: [11025, 12000, 8000], // MPEG 2.5
  2: [22050, 24000, 16000], // MPEG 2
  3: [44100, 48000, 32000], // MPEG 1
};

/** Parses the four bytes at `offset`; null when they are no frame header (free format, which nobody writes, included). */
export function parseMpegAudioHeader(bytes: Uint8Array, offset: number): MpegAudioHeader | null {
  if (offset + 4 > bytes.length || bytes[offset] !== 0xff || (bytes[offset + 1]! & 0xe0) !== 0xe0) return null;
  const version = (bytes[offset + 1]! >> 3) & 3;
  const layer = 4 - ((bytes[offset + 1]! >> 1) & 3);
  const bitRateIndex = bytes[offset + 2]! >> 4;
  const sampleRate = sampleRates[version]?.[(bytes[offset + 2]! >> 2) & 3];
  if (layer === 4 || bitRateIndex === 0 || bitRateIndex === 15 || sampleRate === undefined) return null;
  const isVersion1 = version === 3;
  const bitRate = (isVersion1 ? bitRates1 : bitRates2)[layer - 1]![bitRateIndex - 1]! * 1000;
  const padding = (bytes[offset + 2]! >> 1) & 1;
  const channels = bytes[offset + 3]! >> 6 === 3 ? 1 : 2;
  const samples = layer === 1 ? 384 : layer === 2 || isVersion1 ? 1152 : 576;
  const frameBytes =
    layer === 1
      ? (Math.floor((12 * bitRate) / sampleRate) + padding) * 4
      : Math.floor(((samples / 8) * bitRate) / sampleRate) + padding;
  const sideInfo = isVersion1 ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  const codec = layer === 1 ? 'mp1' : layer === 2 ? 'mp2' : 'mp3';
  return { codec, sampleRate, channels, frameBytes, samples, infoOffset: 4 + sideInfo };
}

/** The Xing, Info or VBRI header inside a frame; null when the frame holds sound. */
export function parseMpegInfoFrame(frame: Uint8Array, header: MpegAudioHeader): MpegInfoFrame | null {
  if (header.codec !== 'mp3') return null;
  const fields = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (hasTag(frame, 36, 'VBRI') && frame.length >= 54) {
    return { frames: fields.getUint32(50), delay: null, padding: 0 };
  }
  // A frame with a checksum has two bytes more before it.
  for (const start of [header.infoOffset, header.infoOffset + 2]) {
    if (!hasTag(frame, start, 'Xing') && !hasTag(frame, start, 'Info')) continue;
    if (frame.length < start + 8) return { frames: null, delay: null, padding: 0 };
    const flags = fields.getUint32(start + 4);
    let position = start + 8;
    const frames = flags & 1 && frame.length >= position + 4 ? fields.getUint32(position) : null;
    position += (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
    // The encoder's name (LAME3.100, Lavc60.3, …), then at 21 the two 12-bit numbers.
    if (frame.length < position + 24 || frame[position] === 0) return { frames, delay: null, padding: 0 };
    const delay = (frame[position + 21]! << 4) | (frame[position + 22]! >> 4);
    const padding = ((frame[position + 22]! & 15) << 8) | frame[position + 23]!;
    return { frames, delay, padding };
  }
  return null;
}

function hasTag(bytes: Uint8Array, start: number, tag: string): boolean {
  for (let index = 0; index < tag.length; index++) if (bytes[start + index] !== tag.charCodeAt(index)) return false;
  return true;
}
