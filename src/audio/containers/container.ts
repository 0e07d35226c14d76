import { GatewayError } from '../../core/errors.ts';
import type { CodecName, ContainerName } from '../audio.ts';

/** One coded packet (or a run of whole PCM frames) and how many samples of one channel it stands for. */
export interface AudioPacket {
  readonly data: Uint8Array;
  /** At the nominal rate of the codec's configuration, known without decoding. */
  readonly samples: number;
}

/** A half-open range of samples of one segment, at the nominal rate, counted from its first packet. */
export interface SampleRange {
  readonly start: number;
  readonly end: number;
}

export type PcmFormat = 'unsigned8' | 'signed8' | 'signed16' | 'signed24' | 'signed32' | 'float32' | 'float64';

/** Everything a decoder must know before the first packet. */
export type CodecConfig =
  | PcmConfig
  | (CodecBase & { readonly codec: 'mulaw' | 'alaw' })
  | (CodecBase & { readonly codec: 'mp3' | 'mp2' | 'mp1' })
  | (CodecBase & { readonly codec: 'flac' })
  | OpusConfig
  | (CodecBase & { readonly codec: 'vorbis'; readonly identification: Uint8Array; readonly setup: Uint8Array })
  | (CodecBase & { readonly codec: 'aac'; readonly audioSpecificConfig: Uint8Array })
  | (CodecBase & { readonly codec: 'alac'; readonly magicCookie: Uint8Array });

interface CodecBase {
  readonly codec: CodecName;
  /** The nominal rate in hertz that packet samples and trims are counted in. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface PcmConfig extends CodecBase {
  readonly codec: 'pcm';
  readonly format: PcmFormat;
  readonly littleEndian: boolean;
}

export interface OpusConfig extends CodecBase {
  readonly codec: 'opus';
  /** Samples at 48 kHz to drop at the start. */
  readonly preSkip: number;
  readonly streamCount: number;
  readonly coupledStreamCount: number;
  readonly channelMapping: readonly number[];
}

/** A stretch of a recording with one codec configuration. Most recordings have one; chained and joined files have more. */
export interface AudioSegment {
  readonly config: CodecConfig;
  /** Yields the packets once, in order. */
  packets(): Iterable<AudioPacket>;
  /** What of the decoded samples plays; to be asked after all packets have been taken, whose samples sum to `totalSamples`. */
  played(totalSamples: number): readonly SampleRange[];
}

/** A container after its header has been read. */
export interface DemuxedAudio {
  readonly container: ContainerName;
  /** What the header claims, in milliseconds; null when it claims nothing. */
  readonly headerDurationMs: number | null;
  /** In order, lazily; the packets of one segment are taken before the next segment is asked for. */
  segments(): Iterable<AudioSegment>;
}

/** Rates outside are no recordings of sound, and would make absurd resampling filters. */
const MIN_SAMPLE_RATE = 1_000;
const MAX_SAMPLE_RATE = 384_000;
const MAX_CHANNELS = 64;
/** No codec here writes packets near this size; a container that says so is damaged. */
export const MAX_PACKET_BYTES = 4 * 1024 * 1024;

export function audioUnreadable(message: string): GatewayError {
  return new GatewayError('audio_unreadable', message, { param: 'file' });
}

export function unsupportedAudio(message: string): GatewayError {
  return new GatewayError('unsupported_audio', message, { param: 'file' });
}

/** Refuses configurations that no decoder should see. */
export function checkConfig<Config extends CodecConfig>(config: Config): Config {
  const { sampleRate, channels } = config;
  if (!(sampleRate >= MIN_SAMPLE_RATE && sampleRate <= MAX_SAMPLE_RATE)) {
    throw audioUnreadable(`The header gives a sample rate of ${sampleRate} Hz; 1000 to 384000 Hz can be read.`);
  }
  if (!(channels >= 1 && channels <= MAX_CHANNELS)) {
    throw audioUnreadable(`The header gives ${channels} channels; 1 to ${MAX_CHANNELS} can be read.`);
  }
  return config;
}

/** All of a segment, and nothing when it is empty. */
export function playedWhole(totalSamples: number): readonly SampleRange[] {
  return playedBetween(0, totalSamples);
}

/** The samples from `start` to `end`, and nothing when there are none. */
export function playedBetween(start: number, end: number): readonly SampleRange[] {
  return end > start ? [{ start, end }] : [];
}
