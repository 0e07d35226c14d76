/** How long a vendor may take for a recording before another provider should have its chance. */
export interface ReplyTimeouts {
  /** Milliseconds, whatever the length. */
  readonly baseMs: number;
  /** Milliseconds more for every millisecond of audio. */
  readonly perAudioMs: number;
}

/**
 * Vendors transcribe at ten times real time and more; a third of it is an outage. The default deadline of a request
 * (120 s and the audio's own length) leaves room for a second provider after this.
 */
export const defaultReplyTimeouts: ReplyTimeouts = { baseMs: 45_000, perAudioMs: 0.35 };

/** Longest wait for the reply to one upload, in milliseconds. */
export function replyTimeoutMs({ baseMs, perAudioMs }: ReplyTimeouts, durationMs: number): number {
  return Math.round(baseMs + perAudioMs * durationMs);
}
