import { FLACDecoder } from '@wasm-audio-decoders/flac';
import type { PacketDecoder } from './packet-decoder.ts';

/** libFLAC in WebAssembly, fed frame by frame. */
export async function createFlacDecoder(sampleRate: number): Promise<PacketDecoder> {
  const decoder = new FLACDecoder();
  await decoder.ready;
  return {
    sampleRate,
    async decode(packet) {
      const decoded = await decoder.decodeFrames([packet]);
      return decoded.errors.length > 0 ? [] : decoded.channelData;
    },
    free: () => decoder.free(),
  };
}
