import { latin1, viewOf } from '../byte-source.ts';
import { parseFlacFrameHeader, parseFlacStreamInfo } from '../packets/flac-frame.ts';
import { parseMpegAudioHeader } from '../packets/mpeg-audio-frame.ts';
import { opusPacketSamples, parseOpusHead, plainOpusConfig } from '../packets/opus-packet.ts';
import { parseVorbisHeaders, splitVorbisPrivate, VorbisClock } from '../packets/vorbis-packet.ts';
import type { CodecConfig, PcmFormat } from './container.ts';
import { audioUnreadable, checkConfig, unsupportedAudio } from './container.ts';
import { ebmlChildren, ebmlFloat, ebmlUnsigned } from './ebml.ts';
import { aacConfig, alacConfig } from './mp4-codecs.ts';
import { frameBytesOf, linearConfig, readWaveFormat, WAVE_FORMAT_MP3 } from './wav.ts';

/** A TrackEntry, as far as sound needs it. */
export interface MatroskaTrack {
  readonly number: number;
  readonly isAudio: boolean;
  readonly isDefault: boolean;
  readonly codecId: string;
  readonly codecPrivate: Uint8Array;
  readonly codecDelayNs: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitDepth: number;
  /** Bytes that were stripped from the front of every packet. */
  readonly strippedHeader: Uint8Array;
  /** A transformation of the packets that is not undone here, null when there is none. */
  readonly foreignEncoding: 'compressed' | 'encrypted' | null;
}

/** How to read the packets of a track. */
export interface TrackReader {
  readonly config: CodecConfig;
  readonly skipSamples: number;
  samplesOf(packet: Uint8Array): number;
}

const NO_BYTES = new Uint8Array(0);

export function parseTrackEntry(bytes: Uint8Array): MatroskaTrack {
  let number = 0;
  let type = 0;
  let isDefault = true;
  let codecId = '';
  let codecPrivate: Uint8Array = NO_BYTES;
  let codecDelayNs = 0;
  let sampleRate = 8000; // Matroska's own defaults
  let outputRate = 0;
  let channels = 1;
  let bitDepth = 0;
  let encoding: Encoding = { strippedHeader: NO_BYTES, foreignEncoding: null };
  for (const { id, body } of ebmlChildren(bytes)) {
    if (id === 0xd7) number = ebmlUnsigned(body);
    else if (id === 0x83) type = ebmlUnsigned(body);
    else if (id === 0x88) isDefault = ebmlUnsigned(body) !== 0;
    else if (id === 0x86) codecId = latin1(body).replace(/\0+$/, '');
    else if (id === 0x63a2) codecPrivate = body.slice();
    else if (id === 0x56aa) codecDelayNs = ebmlUnsigned(body);
    else if (id === 0x6d80) encoding = parseEncodings(body);
    else if (id === 0xe1) {
      for (const audio of ebmlChildren(body)) {
        if (audio.id === 0xb5) sampleRate = ebmlFloat(audio.body);
        else if (audio.id === 0x78b5) outputRate = ebmlFloat(audio.body);
        else if (audio.id === 0x9f) channels = ebmlUnsigned(audio.body);
        else if (audio.id === 0x6264) bitDepth = ebmlUnsigned(audio.body);
      }
    }
  }
  return {
    number,
    isAudio: type === 2,
    isDefault,
    codecId,
    codecPrivate,
    codecDelayNs,
    sampleRate: Math.round(sampleRate || outputRate),
    channels,
    bitDepth,
    ...encoding,
  };
}

interface Encoding {
  readonly strippedHeader: Uint8Array;
  readonly foreignEncoding: 'compressed' | 'encrypted' | null;
}

/** ContentEncodings: header stripping is undone, anything else is named. */
function parseEncodings(bytes: Uint8Array): Encoding {
  for (const entry of ebmlChildren(bytes)) {
    for (const field of ebmlChildren(entry.body)) {
      if (field.id === 0x5035) return { strippedHeader: NO_BYTES, foreignEncoding: 'encrypted' };
      if (field.id !== 0x5034) continue;
      let algorithm = 0;
      let settings: Uint8Array = NO_BYTES;
      for (const part of ebmlChildren(field.body)) {
        if (part.id === 0x4254) algorithm = ebmlUnsigned(part.body);
        else if (part.id === 0x4255) settings = part.body.slice();
      }
      if (algorithm !== 3) return { strippedHeader: NO_BYTES, foreignEncoding: 'compressed' };
      return { strippedHeader: settings, foreignEncoding: null };
    }
  }
  return { strippedHeader: NO_BYTES, foreignEncoding: null };
}

/** Chooses the codec of a track, or throws `unsupported_audio` naming it. */
export function trackReader(track: MatroskaTrack): TrackReader {
  const { codecId } = track;
  if (track.foreignEncoding) {
    throw unsupportedAudio(`The audio track is ${track.foreignEncoding} in a way that cannot be undone here.`);
  }
  const codec = codecReader(track);
  if (!codec) throw unsupportedAudio(`The audio track's codec ${printable(codecId)} cannot be decoded.`);
  const config = checkConfig(codec.config);
  const delaySamples = Math.round((track.codecDelayNs * config.sampleRate) / 1e9);
  // Opus says it twice; some muxers leave out one or the other.
  const skipSamples = config.codec === 'opus' && delaySamples === 0 ? config.preSkip : delaySamples;
  return { config, skipSamples, samplesOf: codec.samplesOf };
}

type CodecReader = Pick<TrackReader, 'config' | 'samplesOf'>;

function codecReader(track: MatroskaTrack): CodecReader | null {
  const { codecId, codecPrivate, sampleRate, channels } = track;
  if (codecId === 'A_OPUS') {
    const config = parseOpusHead(codecPrivate) ?? plainOpusConfig(channels, 0);
    if (!config) throw audioUnreadable('The Opus header is damaged.');
    return { config, samplesOf: opusPacketSamples };
  }
  if (codecId === 'A_VORBIS') {
    const headers = splitVorbisPrivate(codecPrivate);
    const timing = headers && parseVorbisHeaders(headers.identification, headers.setup);
    if (!headers || !timing) throw audioUnreadable('The Vorbis headers are damaged.');
    const clock = new VorbisClock(timing);
    const config = { codec: 'vorbis', sampleRate: timing.sampleRate, channels: timing.channels, ...headers } as const;
    return { config, samplesOf: (packet) => clock.samplesOf(packet) };
  }
  if (codecId === 'A_FLAC') {
    const start = latin1(codecPrivate, 0, 4) === 'fLaC' ? 8 : 0;
    const info = parseFlacStreamInfo(codecPrivate.subarray(start));
    if (!info) throw audioUnreadable('The FLAC header is damaged.');
    const config = { codec: 'flac', sampleRate: info.sampleRate, channels: info.channels } as const;
    return { config, samplesOf: (packet) => parseFlacFrameHeader(packet, 0)?.samples ?? 0 };
  }
  if (codecId === 'A_AAC' || codecId.startsWith('A_AAC/')) {
    const specific = codecPrivate.length >= 2 ? codecPrivate : plainAacConfig(sampleRate, channels);
    const { config, packetSamples } = aacConfig(specific, sampleRate, channels);
    return { config, samplesOf: () => packetSamples };
  }
  if (codecId === 'A_ALAC') {
    return alacConfig(codecPrivate);
  }
  if (codecId.startsWith('A_MPEG/L')) return mpegReader(codecId.slice(-1), sampleRate, channels);
  if (codecId.startsWith('A_PCM/')) return pcmReader(track);
  if (codecId === 'A_MS/ACM') {
    const format = readWaveFormat(codecPrivate, true);
    if (format.formatTag === WAVE_FORMAT_MP3) return mpegReader('3', format.sampleRate, format.channels);
    return linearReader(linearConfig(format, true));
  }
  return null;
}

function mpegReader(layer: string, sampleRate: number, channels: number): CodecReader | null {
  const codec = layer === '1' ? 'mp1' : layer === '2' ? 'mp2' : layer === '3' ? 'mp3' : null;
  if (!codec) return null;
  return {
    config: { codec, sampleRate, channels },
    samplesOf: (packet) => parseMpegAudioHeader(packet, 0)?.samples ?? 0,
  };
}

function pcmReader(track: MatroskaTrack): CodecReader | null {
  const { codecId, bitDepth, sampleRate, channels } = track;
  const integers: Readonly<Record<number, PcmFormat>> = {
    8: 'unsigned8',
    16: 'signed16',
    24: 'signed24',
    32: 'signed32',
  };
  const floats: Readonly<Record<number, PcmFormat>> = { 32: 'float32', 64: 'float64' };
  const isFloat = codecId === 'A_PCM/FLOAT/IEEE';
  const format = isFloat ? floats[bitDepth] : integers[bitDepth];
  if (!format) return null;
  return linearReader({ codec: 'pcm', sampleRate, channels, format, littleEndian: codecId !== 'A_PCM/INT/BIG' });
}

function linearReader(config: CodecConfig): CodecReader {
  const frameBytes = frameBytesOf(config);
  return { config, samplesOf: (packet) => Math.floor(packet.length / frameBytes) };
}

/** What old muxers leave out: AAC LC at the track's rate. */
function plainAacConfig(sampleRate: number, channels: number): Uint8Array {
  const rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
  const index = rates.indexOf(sampleRate);
  if (index < 0) throw audioUnreadable('The AAC track has no decoder configuration.');
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, (2 << 11) | (index << 7) | (channels << 3));
  return bytes;
}

/** A codec name from the file, fit for a message. */
export function printable(name: string): string {
  const clean = name.replace(/[^\x21-\x7e]/g, '').slice(0, 40);
  return clean === '' ? '(unnamed)' : clean;
}
