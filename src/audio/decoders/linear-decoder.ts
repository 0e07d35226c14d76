import { viewOf } from '../byte-source.ts';
import type { CodecConfig, PcmFormat } from '../containers/container.ts';
import type { PacketDecoder } from './packet-decoder.ts';

type LinearConfig = Extract<CodecConfig, { codec: 'pcm' | 'mulaw' | 'alaw' }>;
type SampleReader = (view: DataView, offset: number) => number;

/** Linear and companded audio: every sample stands for itself. */
export class LinearDecoder implements PacketDecoder {
  readonly sampleRate: number;
  readonly #channels: number;
  readonly #bytes: number;
  readonly #read: SampleReader;

  constructor(config: LinearConfig) {
    this.sampleRate = config.sampleRate;
    this.#channels = config.channels;
    if (config.codec === 'pcm') {
      const layout = layouts[config.format];
      this.#bytes = layout.bytes;
      this.#read = layout.reader(config.littleEndian);
    } else {
      const table = config.codec === 'mulaw' ? mulawTable : alawTable;
      this.#bytes = 1;
      this.#read = (view, offset) => table[view.getUint8(offset)]!;
    }
  }

  decode(packet: Uint8Array): Float32Array[] {
    const step = this.#bytes * this.#channels;
    const samples = Math.floor(packet.length / step);
    const view = viewOf(packet);
    const read = this.#read;
    return Array.from({ length: this.#channels }, (_, channel) => {
      const output = new Float32Array(samples);
      let offset = channel * this.#bytes;
      for (let index = 0; index < samples; index++, offset += step) output[index] = read(view, offset);
      return output;
    });
  }

  free(): void {}
}

const layouts: Readonly<Record<PcmFormat, { bytes: number; reader(littleEndian: boolean): SampleReader }>> = {
  unsigned8: { bytes: 1, reader: () => (view, offset) => (view.getUint8(offset) - 128) / 128 },
  signed8: { bytes: 1, reader: () => (view, offset) => view.getInt8(offset) / 128 },
  signed16: { bytes: 2, reader: (little) => (view, offset) => view.getInt16(offset, little) / 32_768 },
  signed24: {
    bytes: 3,
    reader: (little) => (view, offset) => {
      const high = view.getInt8(offset + (little ? 2 : 0));
      const low = view.getUint8(offset + (little ? 0 : 2));
      return (high * 65_536 + view.getUint8(offset + 1) * 256 + low) / 8_388_608;
    },
  },
  signed32: { bytes: 4, reader: (little) => (view, offset) => view.getInt32(offset, little) / 2_147_483_648 },
  float32: { bytes: 4, reader: (little) => (view, offset) => finite(view.getFloat32(offset, little)) },
  float64: { bytes: 8, reader: (little) => (view, offset) => finite(view.getFloat64(offset, little)) },
};

/** Damaged floats hold anything; one NaN would poison the resampler and the recogniser behind it. */
function finite(value: number): number {
  return value >= -8 && value <= 8 ? value : value > 8 ? 8 : value < -8 ? -8 : 0;
}

/** ITU-T G.711. */
const mulawTable = Float32Array.from({ length: 256 }, (_, code) => {
  const inverted = ~code & 0xff;
  const magnitude = (((inverted & 15) << 3) + 132) << ((inverted >> 4) & 7);
  return (inverted & 0x80 ? 132 - magnitude : magnitude - 132) / 32_768;
});

const alawTable = Float32Array.from({ length: 256 }, (_, code) => {
  const toggled = code ^ 0x55;
  const exponent = (toggled >> 4) & 7;
  const mantissa = ((toggled & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return (toggled & 0x80 ? magnitude : -magnitude) / 32_768;
});
