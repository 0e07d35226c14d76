/** STREAMINFO, the first metadata block: what the encoder believed about the whole stream. */
export interface FlacStreamInfo {
  readonly minBlockSamples: number;
  readonly maxBlockSamples: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
  /** 0 when the encoder did not know. */
  readonly totalSamples: number;
}

export interface FlacFrameHeader {
  readonly samples: number;
  /** Of the first sample with variable blocks, of the frame with fixed ones. */
  readonly number: number;
  readonly isVariable: boolean;
  readonly channels: number;
  /** 0: as in STREAMINFO. */
  readonly sampleRate: number;
  readonly headerBytes: number;
}

/** Longest possible frame header. */
export const FLAC_HEADER_BYTES = 16;

/** Parses the 34 bytes of a STREAMINFO block; null when they are cut short. */
export function parseFlacStreamInfo(bytes: Uint8Array): FlacStreamInfo | null {
  if (bytes.length < 18) return null;
  const high = ((bytes[10]! << 16) | (bytes[11]! << 8) | bytes[12]!) >>> 0;
  return {
    minBlockSamples: (bytes[0]! << 8) | bytes[1]!,
    maxBlockSamples: (bytes[2]! << 8) | bytes[3]!,
    sampleRate: high >>> 4,
    channels: ((high >>> 1) & 7) + 1,
    bitsPerSample: (((high & 1) << 4) | (bytes[13]! >> 4)) + 1,
    totalSamples:
      (bytes[13]! & 15) * 2 ** 32 + (((bytes[14]! << 24) | (bytes[15]! << 16) | (bytes[16]! << 8) | bytes[17]!) >>> 0),
  };
}

const namedRates = [0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000] as const;

/** Parses and checks (CRC-8) the frame header at `offset`; null when there is none. */
export function parseFlacFrameHeader(bytes: Uint8Array, offset: number): FlacFrameHeader | null {
  if (bytes[offset] !== 0xff || (bytes[offset + 1]! & 0xfe) !== 0xf8) return null;
  const sizeCode = bytes[offset + 2]! >> 4;
  const rateCode = bytes[offset + 2]! & 15;
  const channelCode = bytes[offset + 3]! >> 4;
  if (sizeCode === 0 || rateCode === 15 || channelCode > 10 || (bytes[offset + 3]! & 1) !== 0) return null;
  let position = offset + 4;
  // The number is coded like a UTF-8 character of up to seven bytes.
  const lead = bytes[position++] ?? 0xff;
  let number = lead;
  if (lead >= 0x80) {
    let follow = 0;
    while (follow < 7 && lead & (0x40 >> follow)) follow++;
    if (follow === 0 || follow > 6) return null;
    number = lead & ((0x40 >> follow) - 1);
    for (let index = 0; index < follow; index++) {
      const byte = bytes[position++] ?? 0;
      if ((byte & 0xc0) !== 0x80) return null;
      number = number * 64 + (byte & 0x3f);
    }
  }
  let samples: number;
  if (sizeCode === 1) samples = 192;
  else if (sizeCode <= 5) samples = 576 << (sizeCode - 2);
  else if (sizeCode === 6) samples = bytes[position++]! + 1;
  else if (sizeCode === 7) {
    samples = ((bytes[position]! << 8) | bytes[position + 1]!) + 1;
    position += 2;
  } else samples = 256 << (sizeCode - 8);
  let sampleRate: number;
  if (rateCode < 12) sampleRate = namedRates[rateCode]!;
  else if (rateCode === 12) sampleRate = bytes[position++]! * 1000;
  else {
    sampleRate = ((bytes[position]! << 8) | bytes[position + 1]!) * (rateCode === 14 ? 10 : 1);
    position += 2;
  }
  if (position >= bytes.length || crc8(bytes, offset, position) !== bytes[position]) return null;
  return {
    samples,
    number,
    isVariable: (bytes[offset + 1]! & 1) === 1,
    channels: channelCode < 8 ? channelCode + 1 : 2,
    sampleRate,
    headerBytes: position + 1 - offset,
  };
}

/** CRC-16 over the bytes, continuing from `crc`; a whole frame with its footer comes out as 0. */
export function flacCrc16(bytes: Uint8Array, start: number, end: number, crc = 0): number {
  let value = crc;
  for (let index = start; index < end; index++)
    value = ((value << 8) & 0xffff) ^ crc16Table[(value >> 8) ^ bytes[index]!]!;
  return value;
}

function crc8(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) value = crc8Table[value ^ bytes[index]!]!;
  return value;
}

const crc8Table = crcTable(8, 0x07);
const crc16Table = crcTable(16, 0x8005);

function crcTable(width: 8 | 16, polynomial: number): Uint16Array {
  const top = 1 << (width - 1);
  const mask = (1 << width) - 1;
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let value = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) value = value & top ? ((value << 1) ^ polynomial) & mask : (value << 1) & mask;
    return value;
  });
}
