/**
 * What every other room knows about a caller's audio: where it lies, what it is, how to hear it.
 * The bytes are on disk, or in memory under the ceilings of the door that received them.
 */

export type ContainerName = 'wav' | 'mp3' | 'flac' | 'ogg' | 'mp4' | 'webm' | 'mpeg' | 'adts';
export type CodecName = 'pcm' | 'mulaw' | 'alaw' | 'mp3' | 'mp2' | 'mp1' | 'flac' | 'opus' | 'vorbis' | 'aac' | 'alac';

/** The bytes of a recording, which a request owns until it is over: on disk, or in memory where they are few. */
export type StoredAudio = AudioOnDisk | AudioInMemory;

export interface AudioOnDisk {
  /** Absolute path of the spooled upload or of the caller's own file (CLI). */
  readonly path: string;
  readonly sizeBytes: number;
}

/** `providers/support/stored-bytes.ts` reads either kind. */
export interface AudioInMemory {
  readonly path: null;
  readonly sizeBytes: number;
  /** All bytes in order, in the pieces in which they arrived. Nobody changes them. */
  readonly pieces: readonly Uint8Array[];
}

export interface AudioProbe {
  readonly container: ContainerName;
  readonly codec: CodecName;
  readonly sampleRate: number;
  readonly channels: number;
  /**
   * Length of the sound that plays, in milliseconds: encoder delay and edit lists taken off, a lying header ignored.
   * Found by walking packets, never by decoding.
   */
  readonly durationMs: number;
  /** What the header claims, null when it claims nothing; kept for reconciliation, never billed. */
  readonly headerDurationMs: number | null;
  /** The name and type under which vendors accept these bytes (several judge by name): `audio.ogg`, `audio/ogg`. */
  readonly canonicalFileName: string;
  readonly mediaType: string;
}

export interface AudioLimits {
  /** Longer recordings are refused from their packets, before decoding (`audio_too_long`). */
  readonly maxDurationMs: number;
  /**
   * False when `pcm` will probably not be called: a recording in memory is then probed without a process and without
   * decoding any of it, and a short one is not decoded along with opening. Default true.
   */
  readonly willHear?: boolean;
}

/** A probed recording that can be heard any number of times. */
export interface Audio {
  readonly stored: StoredAudio;
  readonly probe: AudioProbe;
  /**
   * Decodes to mono float32 at 16 kHz in -1..1, in chunks of at most 10 s. Channels are averaged.
   * The consumer's pace holds the decoder back: at most a few chunks are in flight.
   * Rejects with GatewayError `audio_unreadable`, `audio_too_long`, `timeout` or `client_closed_request` (aborted).
   * Sound before a defect in the middle of a file is delivered; a file without any is `audio_unreadable`.
   */
  pcm(signal: AbortSignal): AsyncIterable<Float32Array>;
}

/** Opens recordings, by decoding in a pool of child processes: a hostile file can stall or kill one of them, never the server. */
export interface AudioOpener {
  /** Rejects with GatewayError `unsupported_audio`, `audio_unreadable`, `audio_too_long`, `timeout`, `service_unavailable`. */
  open(stored: StoredAudio, limits: AudioLimits, signal: AbortSignal): Promise<Audio>;
  close(): Promise<void>;
}

/** A stretch of a recording in which somebody speaks. */
export interface SpeechSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** Finds where in a recording somebody speaks, here and without asking any model of words. */
export interface SpeechFinder {
  /** In time order, without overlap; [] where nobody speaks. Rejects as `Audio.pcm` does, and when the engine is full. */
  find(audio: Audio, signal: AbortSignal): Promise<readonly SpeechSpan[]>;
}

/** Words that somebody else wrote, whose moments are to be found. */
export interface KnownText {
  /** In order; none empty. */
  readonly words: readonly string[];
  /** ISO-639-1; null: unknown. */
  readonly language: string | null;
  /** Where parts of it are spoken, all words together and starts never decreasing; null: not known. */
  readonly stretches: readonly KnownStretch[] | null;
}

export interface KnownStretch extends SpeechSpan {
  /** How many of the words, after those of the stretches before it. */
  readonly wordCount: number;
}

/** Finds when each word of a known text is spoken, here and without asking anybody else. */
export interface TextAligner {
  /**
   * One entry a word, in order. null: no model that is here can follow this text. Rejects as `Audio.pcm` does, and when the
   * engine is full.
   */
  align(audio: Audio, text: KnownText, signal: AbortSignal): Promise<readonly SpeechSpan[] | null>;
}

/** Sample rate of everything that `Audio.pcm` yields. */
export const PCM_RATE = 16_000;
