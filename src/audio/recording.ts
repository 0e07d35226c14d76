import { GatewayError } from '../core/errors.ts';
import type { AudioProbe, ContainerName } from './audio.ts';
import type { ByteSource } from './byte-source.ts';
import type { CodecConfig, DemuxedAudio, SampleRange } from './containers/container.ts';
import { audioUnreadable } from './containers/container.ts';
import { demux } from './containers/demux.ts';

/** What of each segment plays, found by one walk; with it the sound can be decoded without walking again. */
export interface RecordingPlan {
  readonly durationMs: number;
  readonly segments: readonly (readonly SampleRange[])[];
}

export interface Recording {
  readonly probe: AudioProbe;
  readonly plan: RecordingPlan;
}

export interface WalkLimits {
  readonly maxDurationMs: number;
  /** Processor time that the walk may take, in milliseconds. */
  readonly maxCpuMs: number;
  /** Called now and then on the way; throws to stop it. */
  readonly check?: () => void;
}

/** Joined files and recorded radio have a few dozen; each costs a new decoder, so a file of nothing else is refused. */
const MAX_SEGMENTS = 512;
/** Packets between two looks at the clock. */
const PACKETS_PER_CHECK = 4_096;
/** Trims may take off this much: the walk stops early only where it is beyond doubt. */
const TRIM_ALLOWANCE_MS = 60_000;

const presentation: Readonly<Record<ContainerName, { canonicalFileName: string; mediaType: string }>> = {
  wav: { canonicalFileName: 'audio.wav', mediaType: 'audio/wav' },
  mp3: { canonicalFileName: 'audio.mp3', mediaType: 'audio/mpeg' },
  flac: { canonicalFileName: 'audio.flac', mediaType: 'audio/flac' },
  ogg: { canonicalFileName: 'audio.ogg', mediaType: 'audio/ogg' },
  mp4: { canonicalFileName: 'audio.mp4', mediaType: 'audio/mp4' },
  webm: { canonicalFileName: 'audio.webm', mediaType: 'audio/webm' },
  mpeg: { canonicalFileName: 'audio.mpeg', mediaType: 'video/mpeg' },
  adts: { canonicalFileName: 'audio.aac', mediaType: 'audio/aac' },
};

/**
 * Tells what a recording is and how long it plays, by walking its packets; nothing is decoded.
 * Throws GatewayError `unsupported_audio`, `audio_unreadable` or `audio_too_long`.
 */
export function readRecording(source: ByteSource, limits: WalkLimits): Recording {
  const audio = demux(source);
  const { config, plan } = walk(audio, limits);
  const durationMs = Math.round(plan.durationMs);
  if (plan.durationMs > limits.maxDurationMs) throw tooLong(limits);
  const header = audio.headerDurationMs;
  const probe = {
    container: audio.container,
    codec: config.codec,
    sampleRate: config.sampleRate,
    channels: config.channels,
    durationMs,
    headerDurationMs: header === null || !Number.isFinite(header) ? null : Math.round(header),
    ...presentation[audio.container],
  };
  return { probe, plan };
}

function walk(audio: DemuxedAudio, limits: WalkLimits): { config: CodecConfig; plan: RecordingPlan } {
  // Asking for processor time costs as much as walking a short file.
  let started: NodeJS.CpuUsage | null = null;
  const segments: (readonly SampleRange[])[] = [];
  let config: CodecConfig | null = null;
  let durationMs = 0;
  let count = 0;
  for (const segment of audio.segments()) {
    if (segments.length >= MAX_SEGMENTS) break;
    config ??= segment.config;
    const { sampleRate } = segment.config;
    const maxSamples = ((limits.maxDurationMs + TRIM_ALLOWANCE_MS - durationMs) * sampleRate) / 1000;
    let total = 0;
    for (const packet of segment.packets()) {
      total += packet.samples;
      if (total > maxSamples) throw tooLong(limits);
      if (++count % PACKETS_PER_CHECK === 0) {
        started ??= process.cpuUsage();
        checkCpu(started, limits.maxCpuMs);
        limits.check?.();
      }
    }
    const ranges = segment.played(total);
    segments.push(ranges);
    for (const range of ranges) durationMs += ((range.end - range.start) / sampleRate) * 1000;
  }
  if (!config || durationMs < 1) throw audioUnreadable('There is no sound in the file.');
  return { config, plan: { durationMs, segments } };
}

function checkCpu(started: NodeJS.CpuUsage, maxCpuMs: number): void {
  const used = process.cpuUsage(started);
  if ((used.user + used.system) / 1000 > maxCpuMs) throw audioUnreadable('The file took too long to read.');
}

function tooLong(limits: WalkLimits): GatewayError {
  const seconds = Math.floor(limits.maxDurationMs / 1000);
  return new GatewayError('audio_too_long', `The recording is longer than ${seconds} seconds.`, { param: 'file' });
}
