import { latin1, viewOf } from '../byte-source.ts';

/** What must be known of a Vorbis stream to tell how long its packets are. */
export interface VorbisTiming {
  readonly sampleRate: number;
  readonly channels: number;
  readonly shortBlock: number;
  readonly longBlock: number;
  /** Per mode: true when its blocks are long. */
  readonly modeIsLong: readonly boolean[];
}

/** Reads the identification and setup headers; null when they are damaged. */
export function parseVorbisHeaders(identification: Uint8Array, setup: Uint8Array): VorbisTiming | null {
  if (identification.length < 29 || identification[0] !== 1 || latin1(identification, 1, 7) !== 'vorbis') return null;
  if (setup[0] !== 5 || latin1(setup, 1, 7) !== 'vorbis') return null;
  const modeIsLong = parseModes(setup);
  if (!modeIsLong) return null;
  const shortBlock = 1 << (identification[28]! & 15);
  const longBlock = 1 << (identification[28]! >> 4);
  if (shortBlock < 64 || longBlock > 8192 || shortBlock > longBlock) return null;
  return {
    sampleRate: viewOf(identification).getUint32(12, true),
    channels: identification[11]!,
    shortBlock,
    longBlock,
    modeIsLong,
  };
}

/** Counts samples from packet to packet: each block overlaps the one before it. */
export class VorbisClock {
  readonly #timing: VorbisTiming;
  readonly #modeBits: number;
  #previousBlock = 0;

  constructor(timing: VorbisTiming) {
    this.#timing = timing;
    this.#modeBits = 32 - Math.clz32(timing.modeIsLong.length - 1);
  }

  /** Samples that decoding this packet yields: none for the first, and none for what is no audio packet. */
  samplesOf(packet: Uint8Array): number {
    if (packet.length === 0 || (packet[0]! & 1) !== 0) return 0;
    const mode = (packet[0]! >> 1) & ((1 << this.#modeBits) - 1);
    const isLong = this.#timing.modeIsLong[mode];
    if (isLong === undefined) return 0;
    const block = isLong ? this.#timing.longBlock : this.#timing.shortBlock;
    const samples = this.#previousBlock === 0 ? 0 : (this.#previousBlock + block) >> 2;
    this.#previousBlock = block;
    return samples;
  }
}

/** Splits the CodecPrivate of Matroska (and MP4): three headers, their sizes laced in front. */
export function splitVorbisPrivate(bytes: Uint8Array): { identification: Uint8Array; setup: Uint8Array } | null {
  if (bytes[0] !== 2) return null;
  const sizes: number[] = [];
  let position = 1;
  for (let count = 0; count < 2; count++) {
    let size = 0;
    while (bytes[position] === 255) {
      size += 255;
      position++;
    }
    size += bytes[position++] ?? 0;
    sizes.push(size);
  }
  const [first, second] = [sizes[0]!, sizes[1]!];
  const setup = bytes.subarray(position + first + second);
  if (setup.length === 0) return null;
  return { identification: bytes.subarray(position, position + first), setup };
}

/**
 * The modes lie at the very end of the setup header, behind tables that only a full decoder can skip: they are read
 * backwards, as FFmpeg's Vorbis parser does. Each takes 41 bits: block flag, 16 and 16 zero bits, mapping number.
 */
function parseModes(setup: Uint8Array): boolean[] | null {
  const bit = (index: number) => (setup[index >> 3]! >> (index & 7)) & 1;
  const bits = (start: number, count: number) => {
    let value = 0;
    for (let index = count - 1; index >= 0; index--) value = value * 2 + bit(start + index);
    return value;
  };
  let end = setup.length * 8;
  while (end > 97 && bit(end - 1) === 0) end--; // padding; the framing bit is set
  end--;
  const flags: boolean[] = [];
  let found: boolean[] | null = null;
  let position = end;
  while (flags.length < 64 && position - 41 >= 97) {
    position -= 41;
    if (bits(position + 1, 16) !== 0 || bits(position + 17, 16) !== 0 || bits(position + 33, 8) > 63) break;
    flags.unshift(bit(position) === 1);
    // Six bits before the modes tell how many there are, less one. A longer match further on is likelier the true one.
    if (bits(position - 6, 6) + 1 === flags.length) found = [...flags];
  }
  return found;
}
