import { AlacDecoder, parseAlacConfig } from './alac/alac-decoder.ts';
import type { PacketDecoder } from './packet-decoder.ts';

/** Apple Lossless by our own decoder. Throws GatewayError for a cookie that describes what it cannot decode. */
export function createAlacPacketDecoder(magicCookie: Uint8Array): PacketDecoder {
  const config = parseAlacConfig(magicCookie);
  const decoder = new AlacDecoder(config);
  return {
    sampleRate: config.sampleRate,
    decode: (packet) => decoder.decode(packet),
    free() {},
  };
}
