import { GatewayError } from '../../../core/errors.ts';

/** The ALACSpecificConfig of a stream. */
export interface AlacConfig {
  /** Samples of a full packet for each channel; the last packet may have fewer. */
  readonly frameLength: number;
  /** 16, 20, 24 or 32. */
  readonly bitDepth: number;
  /** Speed at which the residual coder adapts ("pb"). */
  readonly historyMultiplier: number;
  /** Its state at the start of a packet ("mb"). */
  readonly initialHistory: number;
  /** Most low bits of a residual that are sent as they are ("kb"). */
  readonly maxRiceBits: number;
  /** 1 to 8. */
  readonly channels: number;
  /** Hertz. */
  readonly sampleRate: number;
}

const CONFIG_BYTES = 24;
/** Encoders use 4096; a ceiling keeps a packet of a few bytes from standing for minutes of silence. */
const MAX_FRAME_LENGTH = 65_536;
/** Encoders use 14; a residual never needs more than 24. */
const MAX_RICE_BITS = 24;
const MIN_RATE = 4_000;
const MAX_RATE = 768_000;

/**
 * Reads the magic cookie of an ALAC track: the bare ALACSpecificConfig, or one behind the `frma` and `alac` box heads
 * that old files have. Throws GatewayError `audio_unreadable` for a damaged cookie and `unsupported_audio` for a sample
 * format that does not exist in practice.
 */
export function parseAlacConfig(cookie: Uint8Array): AlacConfig {
  const bytes = withoutBoxHeads(cookie);
  if (bytes.length < CONFIG_BYTES) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const config: AlacConfig = {
    frameLength: view.getUint32(0),
    bitDepth: view.getUint8(5),
    historyMultiplier: view.getUint8(6),
    initialHistory: view.getUint8(7),
    maxRiceBits: view.getUint8(8),
    channels: view.getUint8(9),
    sampleRate: view.getUint32(20),
  };
  const compatibleVersion = view.getUint8(4);
  if (compatibleVersion !== 0) {
    throw new GatewayError('unsupported_audio', `ALAC of version ${compatibleVersion} cannot be decoded.`);
  }
  if (config.frameLength === 0 || config.frameLength > MAX_FRAME_LENGTH) throw damaged();
  if (config.maxRiceBits === 0 || config.maxRiceBits > MAX_RICE_BITS) throw damaged();
  if (![16, 20, 24, 32].includes(config.bitDepth)) {
    throw new GatewayError('unsupported_audio', `ALAC with samples of ${config.bitDepth} bits cannot be decoded.`);
  }
  if (config.channels === 0 || config.channels > 8) {
    throw new GatewayError('unsupported_audio', `ALAC with ${config.channels} channels cannot be decoded.`);
  }
  if (config.sampleRate < MIN_RATE || config.sampleRate > MAX_RATE) {
    throw new GatewayError(
      'unsupported_audio',
      `A sampling rate of ${config.sampleRate} Hz is not supported for ALAC.`,
    );
  }
  return config;
}

/** Each head is 12 bytes: size, name, and four bytes of format or version. */
function withoutBoxHeads(cookie: Uint8Array): Uint8Array {
  let bytes = cookie;
  for (const name of ['frma', 'alac']) {
    if (String.fromCharCode(...bytes.subarray(4, 8)) === name) bytes = bytes.subarray(12);
  }
  return bytes;
}

function damaged(): GatewayError {
  return new GatewayError('audio_unreadable', 'The ALAC configuration of the file is damaged.');
}
