import { GatewayError } from '../../../core/errors.ts';
import { samplingRates } from './band-tables.ts';
import { BitReader } from './bit-reader.ts';
import { AacPacketError } from './packet-error.ts';
import { type ChannelElement, channelCount, defaultLayout, parseProgramConfig } from './program-config.ts';

/** What a decoder must know before the first packet. */
export interface AacConfig {
  /** MPEG-4 audio object type of the core: 1 (Main) or 2 (LC). */
  readonly objectType: number;
  /** Hertz of the core: half of what plays where SBR doubles it. */
  readonly sampleRate: number;
  /** 1 to 8; 0 when each packet has to say it in a program config element (ADTS only). */
  readonly channels: number;
  /** SBR or PS is signalled. Only the core is decoded. */
  readonly sbr: boolean;
  /** Samples of a packet for each channel. */
  readonly frameLength: 1024 | 960;
  /** The elements of a packet in their order; absent: the default order for `channels`. */
  readonly layout?: readonly ChannelElement[];
}

const profiles: Readonly<Record<number, string>> = {
  1: 'AAC Main',
  2: 'AAC LC',
  3: 'AAC SSR',
  4: 'AAC LTP',
  6: 'AAC Scalable',
  7: 'TwinVQ',
  8: 'CELP',
  9: 'HVXC',
  17: 'ER AAC LC',
  19: 'ER AAC LTP',
  20: 'ER AAC Scalable',
  21: 'ER TwinVQ',
  22: 'ER BSAC',
  23: 'AAC-LD',
  24: 'ER CELP',
  25: 'ER HVXC',
  32: 'MPEG-1 Layer 1',
  33: 'MPEG-1 Layer 2',
  34: 'MPEG-1 Layer 3',
  36: 'MPEG-4 ALS',
  37: 'MPEG-4 SLS',
  39: 'AAC-ELD',
  42: 'xHE-AAC (USAC)',
};

const SBR_TYPE = 5;
const PS_TYPE = 29;
const SBR_SYNC = 0x2b7;
/** A rate can be written in 24 bits: a few hertz would let one small packet stand for an hour of sound. */
const MIN_RATE = 4_000;
const MAX_RATE = 192_000;

/** Throws GatewayError `unsupported_audio`, with the profile's name, unless the object type can be decoded. */
export function requireDecodable(objectType: number): void {
  if (objectType === 1 || objectType === 2) return;
  const name = profiles[objectType];
  const what = name === undefined ? `MPEG-4 audio object type ${objectType}` : `the ${name} profile`;
  throw new GatewayError('unsupported_audio', `The sound is coded in ${what}, which cannot be decoded.`);
}

/**
 * Reads an MPEG-4 AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
 * Throws GatewayError `unsupported_audio` for what is not AAC LC or Main (HE-AAC counts as its LC core) and
 * `audio_unreadable` for bytes that are no such config.
 */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  try {
    return readConfig(new BitReader(bytes));
  } catch (error) {
    if (!(error instanceof AacPacketError)) throw error;
    throw new GatewayError('audio_unreadable', 'The AAC configuration of the file is damaged.', { cause: error });
  }
}

function readConfig(reader: BitReader): AacConfig {
  let objectType = readObjectType(reader);
  const sampleRate = readRate(reader);
  const channelConfiguration = reader.read(4);
  let sbr = false;
  if (objectType === SBR_TYPE || objectType === PS_TYPE) {
    sbr = true;
    readRate(reader);
    objectType = readObjectType(reader);
  }
  requireDecodable(objectType);
  const frameLength = reader.readFlag() ? 960 : 1024;
  if (reader.readFlag()) reader.skip(14);
  reader.skip(1);
  const layout = channelConfiguration === 0 ? parseProgramConfig(reader) : defaultLayout(channelConfiguration);
  if (layout === null || layout.length === 0) {
    throw new GatewayError('unsupported_audio', `AAC channel configuration ${channelConfiguration} is not known.`);
  }
  const channels = channelCount(layout);
  if (channels > 8) {
    throw new GatewayError('unsupported_audio', `AAC with ${channels} channels cannot be decoded; 8 are the most.`);
  }
  // Backward compatible signalling of SBR: a sync word behind the core's config.
  if (!sbr && reader.remaining >= 16 && reader.read(11) === SBR_SYNC && readObjectType(reader) === SBR_TYPE) {
    sbr = reader.remaining > 0 && reader.readFlag();
  }
  return { objectType, sampleRate, channels, sbr, frameLength, layout };
}

function readObjectType(reader: BitReader): number {
  const type = reader.read(5);
  return type === 31 ? 32 + reader.read(6) : type;
}

function readRate(reader: BitReader): number {
  const index = reader.read(4);
  const rate = index === 15 ? reader.read(24) : samplingRates[index];
  if (rate === undefined) {
    throw new GatewayError('audio_unreadable', 'The AAC configuration of the file names no sampling rate.');
  }
  if (rate < MIN_RATE || rate > MAX_RATE) {
    throw new GatewayError('unsupported_audio', `A sampling rate of ${rate} Hz is not supported for AAC.`);
  }
  return rate;
}
