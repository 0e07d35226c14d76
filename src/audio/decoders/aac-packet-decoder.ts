import { AacDecoder, parseAudioSpecificConfig } from './aac/aac-decoder.ts';
import type { PacketDecoder } from './packet-decoder.ts';

/** AAC by our own decoder. Throws GatewayError `unsupported_audio` for profiles that it does not know. */
export function createAacPacketDecoder(audioSpecificConfig: Uint8Array): PacketDecoder {
  const config = parseAudioSpecificConfig(audioSpecificConfig);
  const decoder = new AacDecoder(config);
  return {
    sampleRate: config.sampleRate,
    decode: (packet) => decoder.decode(packet),
    free() {},
  };
}
