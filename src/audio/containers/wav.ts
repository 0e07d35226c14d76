import type { ByteSource } from '../byte-source.ts';
import { latin1, SplicedByteSource, viewOf } from '../byte-source.ts';
import type { AudioPacket, CodecConfig, DemuxedAudio, PcmFormat } from './container.ts';
import { audioUnreadable, checkConfig, playedWhole, unsupportedAudio } from './container.ts';
import { mpegAudioSegments } from './mpeg-audio.ts';

/** Sample layout of linear or companded audio, as a WAV header or a Matroska ACM header gives it. */
export interface WaveFormat {
  readonly formatTag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly blockAlign: number;
  readonly bitsPerSample: number;
}

export const WAVE_FORMAT_MPEG = 0x50;
export const WAVE_FORMAT_MP3 = 0x55;

const WAVE_FORMAT_EXTENSIBLE = 0xfffe;
/** Bytes of linear audio handed on at once: about a second of telephone speech, a few hundredths of studio stereo. */
const PACKET_BYTES = 32 * 1024;
/** A header has a handful of chunks before the samples; a file with more is not worth reading. */
const MAX_CHUNKS = 1_000;

const tagNames: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  101: 'G.721',
  255: 'AAC',
  352: 'Windows Media Audio',
  353: 'Windows Media Audio',
};

/** RIFF, RIFX (big-endian), RF64 and BW64 (64-bit sizes): linear PCM, float, mu-law, A-law, and MPEG audio in a WAV coat. */
export function readWav(source: ByteSource): DemuxedAudio {
  const head = source.read(0, 12);
  const bigEndian = head[3] === 0x58; // RIFX
  let format: WaveFormat | null = null;
  let longDataBytes: number | null = null; // from RF64's ds64 chunk
  let position = 12;
  for (let chunk = 0; chunk < MAX_CHUNKS && position + 8 <= source.sizeBytes; chunk++) {
    const header = source.read(position, 8);
    const name = latin1(header, 0, 4);
    const claimed = viewOf(header).getUint32(4, !bigEndian);
    const body = position + 8;
    if (name === 'ds64') {
      const sizes = source.read(body, 16);
      if (sizes.length === 16) longDataBytes = Number(viewOf(sizes).getBigUint64(8, !bigEndian));
    } else if (name === 'fmt ') {
      format = readWaveFormat(source.read(body, Math.min(claimed, 64)), !bigEndian);
    } else if (name === 'data') {
      if (!format) throw audioUnreadable('The WAV file has no format chunk before its samples.');
      return wavOf(source, format, bigEndian, body, claimed, longDataBytes);
    }
    position = body + claimed + (claimed & 1);
  }
  throw audioUnreadable('The WAV file ends before its samples.');
}

function wavOf(
  source: ByteSource,
  format: WaveFormat,
  bigEndian: boolean,
  start: number,
  claimed: number,
  longDataBytes: number | null,
): DemuxedAudio {
  const available = source.sizeBytes - start;
  const unknown = claimed === 0xffffffff && longDataBytes === null;
  const claimedBytes = claimed === 0xffffffff ? (longDataBytes ?? 0) : claimed;
  // Recorders that write to a pipe, or die, leave the size at zero or at its maximum: then the samples go on to the end.
  const riffBytes = viewOf(source.read(4, 4)).getUint32(0, !bigEndian) + 8;
  const trulyEmpty = claimedBytes === 0 && riffBytes === source.sizeBytes;
  const bytes = unknown || (claimedBytes === 0 && !trulyEmpty) ? available : Math.min(claimedBytes, available);
  const isMpeg = format.formatTag === WAVE_FORMAT_MPEG || format.formatTag === WAVE_FORMAT_MP3;
  if (isMpeg) {
    const stream = new SplicedByteSource(source, [start, bytes]);
    return { container: 'wav', headerDurationMs: null, segments: () => mpegAudioSegments(stream, 0) };
  }
  const config = checkConfig(linearConfig(format, !bigEndian));
  const frameBytes = frameBytesOf(config);
  const headerDurationMs =
    unknown || claimedBytes === 0 ? null : (Math.floor(claimedBytes / frameBytes) / config.sampleRate) * 1000;
  const segment = {
    config,
    packets: () => linearPackets(source, start, bytes - (bytes % frameBytes), frameBytes),
    played: playedWhole,
  };
  return { container: 'wav', headerDurationMs, segments: () => [segment] };
}

/** Runs of whole frames. */
export function* linearPackets(
  source: ByteSource,
  start: number,
  bytes: number,
  frameBytes: number,
): Generator<AudioPacket> {
  const step = Math.max(1, Math.floor(PACKET_BYTES / frameBytes)) * frameBytes;
  for (let offset = 0; offset < bytes; offset += step) {
    const available = Math.min(step, bytes - offset, source.sizeBytes - start - offset);
    const samples = Math.floor(available / frameBytes);
    if (samples === 0) return;
    yield new LinearPacket(source, start + offset, samples, frameBytes);
  }
}

/** Reads its bytes when they are wanted: a walk wants none of them. */
class LinearPacket implements AudioPacket {
  readonly samples: number;
  readonly #source: ByteSource;
  readonly #offset: number;
  readonly #frameBytes: number;

  constructor(source: ByteSource, offset: number, samples: number, frameBytes: number) {
    this.#source = source;
    this.#offset = offset;
    this.samples = samples;
    this.#frameBytes = frameBytes;
  }

  get data(): Uint8Array {
    return this.#source.read(this.#offset, this.samples * this.#frameBytes);
  }
}

/** Reads a WAVEFORMATEX, resolving WAVE_FORMAT_EXTENSIBLE to the tag inside. Throws when it is cut short. */
export function readWaveFormat(bytes: Uint8Array, littleEndian: boolean): WaveFormat {
  if (bytes.length < 14) throw audioUnreadable('The WAV format chunk is cut short.');
  const fields = viewOf(bytes);
  let formatTag = fields.getUint16(0, littleEndian);
  if (formatTag === WAVE_FORMAT_EXTENSIBLE && bytes.length >= 26) formatTag = fields.getUint16(24, littleEndian);
  const channels = fields.getUint16(2, littleEndian);
  const blockAlign = fields.getUint16(12, littleEndian);
  const bitsPerSample = bytes.length >= 16 ? fields.getUint16(14, littleEndian) : 0;
  return {
    formatTag,
    channels,
    sampleRate: fields.getUint32(4, littleEndian),
    blockAlign,
    bitsPerSample: bitsPerSample || (channels > 0 ? Math.floor((blockAlign / channels) * 8) : 0),
  };
}

/** The codec of a linear or companded WAVEFORMATEX; throws `unsupported_audio` for any other. */
export function linearConfig(format: WaveFormat, littleEndian: boolean): CodecConfig {
  const { formatTag, channels, sampleRate } = format;
  if (formatTag === 6) return { codec: 'alaw', channels, sampleRate };
  if (formatTag === 7) return { codec: 'mulaw', channels, sampleRate };
  // The container size decides: 20 bits lie left-aligned in 3 bytes, and 24 bits in 4.
  const sampleBits = channels > 0 && format.blockAlign % channels === 0 ? (format.blockAlign / channels) * 8 : 0;
  const bits = sampleBits || format.bitsPerSample;
  const layout = formatTag === 1 ? integerFormats[bits] : formatTag === 3 ? floatFormats[bits] : undefined;
  if (layout) return { codec: 'pcm', channels, sampleRate, format: layout, littleEndian };
  if (formatTag === 1 || formatTag === 3) {
    throw audioUnreadable(`The WAV header describes samples of ${bits} bits, which do not exist.`);
  }
  const name = tagNames[formatTag] ?? `format 0x${formatTag.toString(16)}`;
  throw unsupportedAudio(`WAV files with ${name} inside cannot be decoded; use PCM, mu-law, A-law, FLAC or MP3.`);
}

/** Bytes of one sample of every channel. */
export function frameBytesOf(config: CodecConfig): number {
  return config.channels * (config.codec === 'pcm' ? sampleBytes[config.format] : 1);
}

const integerFormats: Readonly<Record<number, PcmFormat>> = {
  8: 'unsigned8',
  16: 'signed16',
  24: 'signed24',
  32: 'signed32',
};
const floatFormats: Readonly<Record<number, PcmFormat>> = { 32: 'float32', 64: 'float64' };
const sampleBytes: Readonly<Record<PcmFormat, number>> = {
  unsigned8: 1,
  signed8: 1,
  signed16: 2,
  signed24: 3,
  signed32: 4,
  float32: 4,
  float64: 8,
};
