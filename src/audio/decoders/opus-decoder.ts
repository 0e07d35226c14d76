import { OpusDecoder } from 'opus-decoder';
import type { OpusConfig } from '../containers/container.ts';
import type { PacketDecoder } from './packet-decoder.ts';

/** libopus gives any of its rates directly: at ours it does a third of the work, and nothing is left to resample. */
const OUTPUT_RATE = 16_000;

/** libopus in WebAssembly. Pre-skip is left to the caller, who counts it with the other trims. */
export async function createOpusDecoder(config: OpusConfig): Promise<PacketDecoder> {
  const decoder = new OpusDecoder({
    sampleRate: OUTPUT_RATE,
    channels: config.channels,
    streamCount: config.streamCount,
    coupledStreamCount: config.coupledStreamCount,
    channelMappingTable: [...config.channelMapping],
    preSkip: 0,
  });
  await decoder.ready;
  return {
    sampleRate: OUTPUT_RATE,
    decode: (packet) => decoder.decodeFrame(packet).channelData,
    free: () => decoder.free(),
  };
}
