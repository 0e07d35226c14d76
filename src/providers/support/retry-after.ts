import type { OutboundReply } from '../../net/guarded-fetch.ts';

/** A vendor that asks for more than an hour means "not today"; nobody waits for it. */
const longestSeconds = 3600;

/**
 * When a vendor wants to be asked again, in whole seconds, at least 1: `retry-after-ms`, then `retry-after` as seconds
 * (fractions count) or as a date. null: it does not say, or nonsense.
 */
export function retryAfterSeconds(reply: Pick<OutboundReply, 'header'>, nowMs: number = Date.now()): number | null {
  const milliseconds = reply.header('retry-after-ms');
  if (milliseconds !== null && isNumber(milliseconds)) return bounded(Number(milliseconds) / 1000);
  const text = reply.header('retry-after');
  if (text === null) return null;
  if (isNumber(text)) return bounded(Number(text));
  // Dates of HTTP begin with the day's name; JavaScript would read nearly anything as a date.
  const dateMs = /^\s*[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? null : bounded((dateMs - nowMs) / 1000);
}

function isNumber(text: string): boolean {
  return /^\s*\d+(\.\d+)?\s*$/.test(text);
}

function bounded(seconds: number): number {
  return Math.min(longestSeconds, Math.max(1, Math.ceil(seconds)));
}
