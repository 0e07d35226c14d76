import { parseAudioSpecificConfig } from '../decoders/aac/audio-specific-config.ts';
import { parseAlacConfig } from '../decoders/alac/alac-config.ts';
import { alacPacketSamples } from '../packets/alac-packet.ts';
import { parseFlacFrameHeader, parseFlacStreamInfo } from '../packets/flac-frame.ts';
import { parseMpegAudioHeader } from '../packets/mpeg-audio-frame.ts';
import { opusPacketSamples, parseDOps } from '../packets/opus-packet.ts';
import type { CodecConfig, PcmFormat } from './container.ts';
import { audioUnreadable, checkConfig, unsupportedAudio } from './container.ts';
import { findMp4Box, Mp4Fields } from './mp4-boxes.ts';

/** How to read the samples (packets) of an MP4 or QuickTime sound track. */
export interface Mp4Codec {
  readonly config: CodecConfig;
  /** Samples of sound in a packet; null for linear audio, whose bytes are counted. */
  readonly samplesOf: ((packet: Uint8Array) => number) | null;
  /** Samples of sound that every packet stands for, where that is one number. */
  readonly packetSamples: number | null;
}

/** Chooses the codec of a sample entry, or throws `unsupported_audio` naming it. */
export function mp4Codec(type: string, entry: Uint8Array): Mp4Codec {
  const sound = parseSoundEntry(entry);
  const codec = codecOf(type, sound);
  checkConfig(codec.config);
  return codec;
}

/** The configuration of an AAC track. Rates are the core's: a decoder may give twice as much with SBR. */
export function aacConfig(
  specific: Uint8Array,
  fallbackRate: number,
  fallbackChannels: number,
): { config: CodecConfig; packetSamples: number } {
  const aac = parseAudioSpecificConfig(specific);
  const config = {
    codec: 'aac',
    sampleRate: aac.sampleRate || fallbackRate,
    channels: aac.channels || fallbackChannels,
    audioSpecificConfig: specific.slice(),
  } as const;
  return { config, packetSamples: aac.frameLength };
}

/** The configuration of an ALAC track from its magic cookie, with or without box heads around it. */
export function alacConfig(cookie: Uint8Array): { config: CodecConfig; samplesOf: (packet: Uint8Array) => number } {
  const { sampleRate, channels, frameLength } = parseAlacConfig(cookie);
  return {
    config: { codec: 'alac', sampleRate, channels, magicCookie: cookie.slice() },
    samplesOf: (packet) => alacPacketSamples(packet, frameLength),
  };
}

interface SoundEntry {
  readonly channels: number;
  readonly sampleSize: number;
  readonly sampleRate: number;
  /** QuickTime's flags for linear audio, null in other versions. */
  readonly linearFlags: number | null;
  readonly boxes: Uint8Array;
}

/** AudioSampleEntry, and QuickTime's versions 1 and 2 of it. */
function parseSoundEntry(entry: Uint8Array): SoundEntry {
  const fields = new Mp4Fields(entry);
  const version = fields.unsigned16(8);
  if (version === 2) {
    const rate = entry.length >= 40 ? new DataView(entry.buffer, entry.byteOffset).getFloat64(32) : 0;
    return {
      channels: fields.unsigned32(40),
      sampleSize: fields.unsigned32(48),
      sampleRate: Math.round(rate),
      linearFlags: fields.unsigned32(52),
      boxes: entry.subarray(64),
    };
  }
  return {
    channels: fields.unsigned16(16),
    sampleSize: fields.unsigned16(18),
    sampleRate: fields.unsigned32(24) >>> 16,
    linearFlags: null,
    boxes: entry.subarray(version === 1 ? 44 : 28),
  };
}

function codecOf(type: string, sound: SoundEntry): Mp4Codec {
  const { channels, sampleRate, boxes } = sound;
  switch (type) {
    case 'mp4a':
      return elementaryCodec(sound);
    case 'Opus': {
      const config = parseDOps(findMp4Box(boxes, 'dOps') ?? new Uint8Array(0));
      if (!config) throw audioUnreadable('The Opus track has no valid configuration.');
      return { config, samplesOf: opusPacketSamples, packetSamples: null };
    }
    case 'fLaC': {
      const info = parseFlacStreamInfo((findMp4Box(boxes, 'dfLa') ?? new Uint8Array(0)).subarray(8));
      if (!info) throw audioUnreadable('The FLAC track has no valid configuration.');
      const config = { codec: 'flac', sampleRate: info.sampleRate, channels: info.channels } as const;
      return { config, samplesOf: (packet) => parseFlacFrameHeader(packet, 0)?.samples ?? 0, packetSamples: null };
    }
    case 'alac': {
      const cookie = findMp4Box(boxes, 'alac') ?? findMp4Box(boxes, 'wave', 'alac');
      const codec = alacConfig((cookie ?? new Uint8Array(0)).subarray(4));
      return { ...codec, packetSamples: null };
    }
    case '.mp3':
    case 'ms\0U':
      return mpegCodec('mp3', sampleRate, channels);
    case 'ulaw':
      return linear({ codec: 'mulaw', sampleRate, channels });
    case 'alaw':
      return linear({ codec: 'alaw', sampleRate, channels });
    case 'enca':
      throw unsupportedAudio('The audio track is encrypted.');
    default:
      return linearCodec(type, sound);
  }
}

/** `mp4a`: the object type inside the elementary stream descriptor says what it really is. */
function elementaryCodec(sound: SoundEntry): Mp4Codec {
  const { channels, sampleRate, boxes } = sound;
  const esds = findMp4Box(boxes, 'esds') ?? findMp4Box(boxes, 'wave', 'esds');
  const descriptor = esds && parseDecoderConfig(esds.subarray(4));
  if (!descriptor) throw audioUnreadable('The audio track has no decoder configuration.');
  const { objectType, specific } = descriptor;
  if (objectType === 0x69 || objectType === 0x6b) return mpegCodec('mp3', sampleRate, channels);
  const isAac = objectType === 0x40 || (objectType >= 0x66 && objectType <= 0x68);
  if (!isAac) throw unsupportedAudio(`The audio track's MPEG-4 object type ${objectType} cannot be decoded.`);
  if (!specific || specific.length < 2) throw audioUnreadable('The AAC track has no decoder configuration.');
  const { config, packetSamples } = aacConfig(specific, sampleRate, channels);
  return { config, samplesOf: () => packetSamples, packetSamples };
}

function mpegCodec(codec: 'mp3', sampleRate: number, channels: number): Mp4Codec {
  return {
    config: { codec, sampleRate, channels },
    samplesOf: (packet) => parseMpegAudioHeader(packet, 0)?.samples ?? 0,
    packetSamples: null,
  };
}

function linear(config: CodecConfig): Mp4Codec {
  return { config, samplesOf: null, packetSamples: null };
}

const integers: Readonly<Record<number, PcmFormat>> = { 8: 'signed8', 16: 'signed16', 24: 'signed24', 32: 'signed32' };
const floats: Readonly<Record<number, PcmFormat>> = { 32: 'float32', 64: 'float64' };

function linearCodec(type: string, sound: SoundEntry): Mp4Codec {
  const { channels, sampleRate, sampleSize, linearFlags, boxes } = sound;
  const pcm = (format: PcmFormat | undefined, littleEndian: boolean): Mp4Codec => {
    if (!format) throw audioUnreadable(`The audio track has samples of ${sampleSize} bits, which do not exist.`);
    return linear({ codec: 'pcm', sampleRate, channels, format, littleEndian });
  };
  // QuickTime says the byte order of the fixed-size formats in a box of its own.
  const enda = findMp4Box(boxes, 'wave', 'enda');
  const isLittle = enda !== null && new Mp4Fields(enda).unsigned16(0) === 1;
  switch (type) {
    case 'sowt':
      return pcm(integers[sampleSize], true);
    case 'twos':
      return pcm(integers[sampleSize], false);
    case 'raw ':
    case 'NONE':
      return pcm(sampleSize === 8 ? 'unsigned8' : integers[sampleSize], false);
    case 'in24':
      return pcm('signed24', isLittle);
    case 'in32':
      return pcm('signed32', isLittle);
    case 'fl32':
      return pcm('float32', isLittle);
    case 'fl64':
      return pcm('float64', isLittle);
    case 'lpcm': {
      const flags = linearFlags ?? 0; // 1: float, 2: big-endian, 4: signed
      const format = flags & 1 ? floats[sampleSize] : flags & 4 ? integers[sampleSize] : unsignedOf(sampleSize);
      return pcm(format, (flags & 2) === 0);
    }
    case 'ipcm':
    case 'fpcm': {
      const fields = new Mp4Fields(findMp4Box(boxes, 'pcmC') ?? new Uint8Array(0));
      const size = fields.unsigned8(5) || sampleSize;
      return pcm((type === 'ipcm' ? integers : floats)[size], (fields.unsigned8(4) & 1) === 1);
    }
    default:
      throw unsupportedAudio(`The audio track's codec ${type.replace(/[^\x20-\x7e]/g, '?')} cannot be decoded.`);
  }
}

function unsignedOf(sampleSize: number): PcmFormat | undefined {
  return sampleSize === 8 ? 'unsigned8' : undefined;
}

/** Walks the nested descriptors: ES (3) holds DecoderConfig (4) holds DecoderSpecificInfo (5). */
function parseDecoderConfig(bytes: Uint8Array): { objectType: number; specific: Uint8Array | null } | null {
  let body = descriptor(bytes, 3);
  if (!body) return null;
  const flags = body[2] ?? 0;
  let position = 3 + (flags & 0x80 ? 2 : 0);
  if (flags & 0x40) position += 1 + (body[position] ?? 0);
  if (flags & 0x20) position += 2;
  body = descriptor(body.subarray(position), 4);
  if (!body || body.length < 13) return null;
  return { objectType: body[0]!, specific: descriptor(body.subarray(13), 5) };
}

function descriptor(bytes: Uint8Array, tag: number): Uint8Array | null {
  let position = 0;
  while (position + 2 <= bytes.length) {
    const found = bytes[position++]!;
    let size = 0;
    for (let count = 0; count < 4; count++) {
      const byte = bytes[position++] ?? 0;
      size = size * 128 + (byte & 0x7f);
      if ((byte & 0x80) === 0) break;
    }
    if (found === tag) return bytes.subarray(position, position + size);
    position += size;
  }
  return null;
}
