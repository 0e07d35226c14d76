import type { CodecConfig } from '../containers/container.ts';
import type { PacketDecoder } from './packet-decoder.ts';

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
