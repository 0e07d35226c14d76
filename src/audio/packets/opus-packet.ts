import { latin1, viewOf } from '../byte-source.ts';
import type { OpusConfig } from '../containers/container.ts';

/** Opus counts time at 48 kHz, whatever rate the encoder was given. */
export const OPUS_RATE = 48_000;
/** A packet longer than 120 ms is invalid. */
const MAX_PACKET_SAMPLES = 5_760;

/** Samples at 48 kHz of one packet, from its first bytes; 0 when it is no valid packet. */
export function opusPacketSamples(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const toc = packet[0]!;
  const configuration = toc >> 3;
  // 10/20/40/60 ms SILK, 10/20 ms hybrid, 2.5/5/10/20 ms CELT.
  const frameSamples =
    configuration < 12
      ? [480, 960, 1920, 2880][configuration & 3]!
      : configuration < 16
        ? [480, 960][configuration & 1]!
        : [120, 240, 480, 960][configuration & 3]!;
  const code = toc & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : packet.length > 1 ? packet[1]! & 63 : 0;
  const samples = frames * frameSamples;
  return samples <= MAX_PACKET_SAMPLES ? samples : 0;
}

/** Parses an OpusHead (Ogg, Matroska) packet; null when it is none or describes what no decoder can do. */
export function parseOpusHead(bytes: Uint8Array): OpusConfig | null {
  if (bytes.length < 19 || latin1(bytes, 0, 8) !== 'OpusHead') return null;
  const fields = viewOf(bytes);
  return opusConfig(bytes[9]!, fields.getUint16(10, true), bytes[18]!, bytes.subarray(19));
}

/** Parses the body of MP4's dOps box, which is big-endian and has no magic; null as above. */
export function parseDOps(bytes: Uint8Array): OpusConfig | null {
  if (bytes.length < 11) return null;
  return opusConfig(bytes[1]!, viewOf(bytes).getUint16(2), bytes[10]!, bytes.subarray(11));
}

/** When a container has no header: mono or stereo without a mapping table. */
export function plainOpusConfig(channels: number, preSkip: number): OpusConfig | null {
  return opusConfig(channels, preSkip, 0, new Uint8Array(0));
}

function opusConfig(channels: number, preSkip: number, family: number, mapping: Uint8Array): OpusConfig | null {
  const common = { codec: 'opus', sampleRate: OPUS_RATE, channels, preSkip } as const;
  if (family === 0) {
    if (channels !== 1 && channels !== 2) return null;
    return {
      ...common,
      streamCount: 1,
      coupledStreamCount: channels - 1,
      channelMapping: channels === 2 ? [0, 1] : [0],
    };
  }
  const streamCount = mapping[0] ?? 0;
  const coupledStreamCount = mapping[1] ?? 0;
  const channelMapping = [...mapping.subarray(2, 2 + channels)];
  const isValid =
    channels > 0 &&
    streamCount > 0 &&
    coupledStreamCount <= streamCount &&
    streamCount + coupledStreamCount <= 255 &&
    channelMapping.length === channels &&
    channelMapping.every((index) => index === 255 || index < streamCount + coupledStreamCount);
  return isValid ? { ...common, streamCount, coupledStreamCount, channelMapping } : null;
}
