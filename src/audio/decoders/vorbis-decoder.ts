import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis';
import type { PacketDecoder } from './packet-decoder.ts';

type OggPage = Parameters<OggVorbisDecoder['decodeOggPages']>[0][number];
type CodecFrame = OggPage['codecFrames'][number];

/**
 * libvorbis in WebAssembly. The library takes Ogg pages as its own parser makes them, and reads few of their fields: the
 * packets, and on the first page with sound the setup header. They are made here from bare packets, so that Vorbis in
 * Matroska takes the same way, and lengths are trimmed by the caller alone.
 */
export async function createVorbisDecoder(
  identification: Uint8Array,
  setup: Uint8Array,
  sampleRate: number,
): Promise<PacketDecoder> {
  const decoder = new OggVorbisDecoder();
  await decoder.ready;
  await decoder.decodeOggPages([pageOf(identification, [])]);
  return {
    sampleRate,
    async decode(packet) {
      const decoded = await decoder.decodeOggPages([pageOf(packet, [frameOf(packet, setup)])]);
      return decoded.channelData;
    },
    free: () => decoder.free(),
  };
}

function pageOf(data: Uint8Array, codecFrames: CodecFrame[]): OggPage {
  return {
    data,
    codecFrames,
    isLastPage: false,
    isFirstPage: false,
    isContinuedPacket: false,
    absoluteGranulePosition: 0,
    crc32: 0,
    duration: 0,
    pageSequenceNumber: 0,
    rawData: data,
    samples: 0,
    streamSerialNumber: 0,
    totalBytesOut: 0,
    totalDuration: 0,
    totalSamples: 0,
  };
}

function frameOf(data: Uint8Array, vorbisSetup: Uint8Array): CodecFrame {
  const header = {
    data,
    vorbisSetup,
    vorbisComments: new Uint8Array(0),
    bitDepth: 32,
    bitrate: 0,
    bitrateMaximum: 0,
    bitrateMinimum: 0,
    bitrateNominal: 0,
    blocksize0: 0,
    blocksize1: 0,
    channelMode: '',
    channels: 0,
    sampleRate: 0,
  };
  const counters = {
    crc32: 0,
    samples: 0,
    duration: 0,
    frameNumber: 0,
    totalBytesOut: 0,
    totalSamples: 0,
    totalDuration: 0,
  };
  return { data, header, ...counters };
}
