import { MPEGDecoder } from 'mpg123-decoder';
import type { PacketDecoder } from './packet-decoder.ts';

/** mpg123 in WebAssembly. Its own gapless handling is off: the container knows better where sound starts and ends. */
export async function createMpegDecoder(sampleRate: number): Promise<PacketDecoder> {
  const decoder = new MPEGDecoder({ enableGapless: false });
  await decoder.ready;
  return {
    sampleRate,
    decode: (packet) => decoder.decodeFrame(packet).channelData,
    free: () => decoder.free(),
  };
}
