import { type AacConfig, requireDecodable } from './audio-specific-config.ts';
import { samplingRates } from './band-tables.ts';
import { BitReader } from './bit-reader.ts';
import { AacPacketError } from './packet-error.ts';
import { channelCount, defaultLayout } from './program-config.ts';

/** One frame of an ADTS stream, opened. */
export interface AdtsFrame {
  readonly config: AacConfig;
  /** The raw_data_block for `AacDecoder.decode`; a view of the frame's bytes. */
  readonly payload: Uint8Array;
  /** Length of the whole frame, header included; the next frame begins there. */
  readonly sizeBytes: number;
}

/**
 * Opens the ADTS frame at the start of `bytes` (ISO/IEC 13818-7, 6.2); the CRC is not checked.
 * Throws AacPacketError for a damaged or cut frame, and GatewayError `unsupported_audio` for SSR and LTP.
 */
export function parseAdtsFrame(bytes: Uint8Array): AdtsFrame {
  const reader = new BitReader(bytes.subarray(0, 9));
  if (reader.read(12) !== 0xfff) throw new AacPacketError('This is not the start of an ADTS frame.');
  // MPEG version, then the layer, which is zero in ADTS.
  if ((reader.read(3) & 3) !== 0) throw new AacPacketError('This is not the start of an ADTS frame.');
  const hasCrc = !reader.readFlag();
  const objectType = reader.read(2) + 1;
  const sampleRate = samplingRates[reader.read(4)];
  reader.skip(1);
  const channelConfiguration = reader.read(3);
  // Original, home, and two copyright bits.
  reader.skip(4);
  const sizeBytes = reader.read(13);
  reader.skip(11);
  const moreBlocks = reader.read(2);
  if (sampleRate === undefined) throw new AacPacketError('The ADTS frame names no sampling rate.');
  requireDecodable(objectType);
  const headerBytes = hasCrc ? 9 : 7;
  if (sizeBytes < headerBytes || sizeBytes > bytes.length) throw new AacPacketError('The ADTS frame is cut.');
  // Where the blocks begin could only be told from within; nobody writes such frames.
  if (moreBlocks > 0) throw new AacPacketError('The ADTS frame holds more than one AAC packet.');
  const layout = defaultLayout(channelConfiguration);
  const common = { objectType, sampleRate, sbr: false, frameLength: 1024 } as const;
  const config = layout === null ? { ...common, channels: 0 } : { ...common, channels: channelCount(layout), layout };
  return { config, payload: bytes.subarray(headerBytes, sizeBytes), sizeBytes };
}
