import type { CodecConfig } from '../containers/container.ts';

/** Turns packets of one segment into sound, in order. One instance serves one segment and is freed after it. */
export interface PacketDecoder {
  /** Hertz of what `decode` returns: the configuration's nominal rate, or another that divides it evenly (Opus). */
  readonly sampleRate: number;
  /**
   * The samples of one packet in -1..1, an array for each channel. Throws, or returns fewer samples than the packet
   * stands for, when the packet is damaged; the next one can be tried all the same.
   */
  decode(packet: Uint8Array): Float32Array[] | Promise<Float32Array[]>;
  /** Gives back the decoder's memory. */
  free(): void;
}

/** Starts the decoder of a segment. Decoders are loaded when first needed: each brings its own WebAssembly. */
export async function createDecoder(config: CodecConfig): Promise<PacketDecoder> {
  switch (config.codec) {
    case 'pcm':
    case 'mulaw':
    case 'alaw': {
      const { LinearDecoder } = await import('./linear-decoder.ts');
      return new LinearDecoder(config);
    }
    case 'mp1':
    case 'mp2':
    case 'mp3': {
      const { createMpegDecoder } = await import('./mpeg-decoder.ts');
      return createMpegDecoder(config.sampleRate);
    }
    case 'flac': {
      const { createFlacDecoder } = await import('./flac-decoder.ts');
      return createFlacDecoder(config.sampleRate);
    }
    case 'opus': {
      const { createOpusDecoder } = await import('./opus-decoder.ts');
      return createOpusDecoder(config);
    }
    case 'vorbis': {
      const { createVorbisDecoder } = await import('./vorbis-decoder.ts');
      return createVorbisDecoder(config.identification, config.setup, config.sampleRate);
    }
    case 'aac': {
      const { createAacPacketDecoder } = await import('./aac-packet-decoder.ts');
      return createAacPacketDecoder(config.audioSpecificConfig);
    }
    case 'alac': {
      const { createAlacPacketDecoder } = await import('./alac-packet-decoder.ts');
      return createAlacPacketDecoder(config.magicCookie);
    }
  }
}
