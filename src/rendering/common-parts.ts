import type { Usage } from '../core/usage.ts';
import type { Segment, TokenLogprob, Transcript, Unheard } from '../transcript/transcript.ts';

/** Milliseconds as seconds with at most three decimals, without float noise: 2100 → 2.1. */
export function toSeconds(ms: number): number {
  return Math.round(ms) / 1000;
}

/** OpenAI's two `usage` objects. */
export function renderUsage(usage: Usage) {
  if (usage.type === 'duration') return { type: 'duration', seconds: toSeconds(usage.durationMs) } as const;
  return {
    type: 'tokens',
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    input_token_details: { audio_tokens: usage.audioTokens, text_tokens: usage.textTokens },
  } as const;
}

/** JSON has no infinities; OpenAI writes the log of zero as -9999. */
const logOfZero = -9999;

/** A log-probability with six decimals. */
export function renderLogprob(logprob: number): number {
  return Number.isFinite(logprob) ? Math.round(logprob * 1e6) / 1e6 : logOfZero;
}

/** A probability with four decimals: more would be noise of the float that it was. */
export function renderProbability(probability: number): number {
  return Math.round(probability * 1e4) / 1e4;
}

export function renderLogprobs(tokens: readonly TokenLogprob[]) {
  return tokens.map((one) => ({ token: one.token, logprob: renderLogprob(one.logprob), bytes: one.bytes }));
}

/** Speech that was found but could not be written down: a partial transcript says so in the body, not only in a header. */
export function renderWarnings(unheard: readonly Unheard[]) {
  return unheard.map((gap) => ({
    type: 'speech_not_transcribed',
    message: 'Speech was detected here, but no text could be obtained for it.',
    start: toSeconds(gap.startMs),
    end: toSeconds(gap.endMs),
  }));
}

/** Sum of the stretches that stayed unheard, in seconds. */
export function unheardSeconds(transcript: Transcript): number {
  return toSeconds(transcript.unheard.reduce((sum, gap) => sum + gap.endMs - gap.startMs, 0));
}

/** The segments; text that came without any counts as one segment over the whole recording. */
export function segmentsOf(transcript: Transcript): readonly Segment[] {
  if (transcript.segments.length > 0 || transcript.text === '') return transcript.segments;
  return [
    {
      text: transcript.text,
      startMs: 0,
      endMs: transcript.durationMs,
      language: transcript.language,
      speaker: null,
      confidence: null,
      avgLogprob: null,
      noSpeechProbability: null,
      tokens: [],
    },
  ];
}
