/** How long a vendor may say nothing before its connection is given up. */
export interface ReplyTimeouts {
  /** Milliseconds, whatever the length. */
  readonly baseMs: number;
  /** Milliseconds more for every millisecond of audio. */
  readonly perAudioMs: number;
}

/**
 * Only a net below routing, which knows whether somebody else could still answer and ends a call through its signal
 * (`routing.attemptBaseSeconds`, and the deadline of the request): nobody should meet these first. Slower than this is no
 * vendor that answers at all.
 */
export const defaultReplyTimeouts: ReplyTimeouts = { baseMs: 1_200_000, perAudioMs: 2 };

/** Longest wait for the reply to one upload, in milliseconds. */
export function replyTimeoutMs({ baseMs, perAudioMs }: ReplyTimeouts, durationMs: number): number {
  return Math.round(baseMs + perAudioMs * durationMs);
}
