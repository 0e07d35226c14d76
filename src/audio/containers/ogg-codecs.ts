import { latin1 } from '../byte-source.ts';
import { parseFlacFrameHeader, parseFlacStreamInfo } from '../packets/flac-frame.ts';
import { opusPacketSamples, parseOpusHead } from '../packets/opus-packet.ts';
import { parseVorbisHeaders, VorbisClock } from '../packets/vorbis-packet.ts';
import type { CodecConfig } from './container.ts';
import { audioUnreadable, unsupportedAudio } from './container.ts';

/** How one codec lives in Ogg. */
export interface OggCodec {
  /** Packets before the sound, the identification included. */
  readonly headerPackets: number;
  /** Once the headers are there. */
  configure(headers: readonly Uint8Array[]): OggStreamConfig;
}

export interface OggStreamConfig {
  readonly config: CodecConfig;
  /** Samples at the start that are not played. */
  readonly preSkip: number;
  samplesOf(packet: Uint8Array): number;
}

/** The codec that a stream's first packet announces; null for video, subtitles and skeletons. Throws for foreign sound. */
export function identifyOggCodec(packet: Uint8Array): OggCodec | null {
  if (latin1(packet, 0, 8) === 'OpusHead') return opus;
  if (packet[0] === 1 && latin1(packet, 1, 7) === 'vorbis') return vorbis;
  if (packet[0] === 0x7f && latin1(packet, 1, 5) === 'FLAC') return flacOf(packet);
  if (latin1(packet, 0, 8) === 'Speex   ') {
    throw unsupportedAudio('Speex in Ogg cannot be decoded; use Opus, Vorbis or FLAC.');
  }
  return null;
}

const opus: OggCodec = {
  headerPackets: 2,
  configure(headers) {
    const config = parseOpusHead(headers[0]!);
    if (!config) throw audioUnreadable('The Opus header is damaged.');
    return { config, preSkip: config.preSkip, samplesOf: opusPacketSamples };
  },
};

const vorbis: OggCodec = {
  headerPackets: 3,
  configure(headers) {
    const identification = headers[0]!.slice();
    const setup = headers[2]!.slice();
    const timing = parseVorbisHeaders(identification, setup);
    if (!timing) throw audioUnreadable('The Vorbis headers are damaged.');
    const clock = new VorbisClock(timing);
    const { sampleRate, channels } = timing;
    return {
      config: { codec: 'vorbis', sampleRate, channels, identification, setup },
      preSkip: 0,
      samplesOf: (packet) => clock.samplesOf(packet),
    };
  },
};

/** The mapping packet tells how many metadata packets follow (0: unknown) and holds STREAMINFO. */
function flacOf(mapping: Uint8Array): OggCodec {
  const metadataPackets = ((mapping[7] ?? 0) << 8) | (mapping[8] ?? 0);
  return {
    headerPackets: 1 + metadataPackets,
    configure(headers) {
      const info = parseFlacStreamInfo(headers[0]!.subarray(17));
      if (!info) throw audioUnreadable('The FLAC header is damaged.');
      return {
        config: { codec: 'flac', sampleRate: info.sampleRate, channels: info.channels },
        preSkip: 0,
        samplesOf: (packet) => parseFlacFrameHeader(packet, 0)?.samples ?? 0,
      };
    },
  };
}
