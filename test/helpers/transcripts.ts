import type { RenderingAsk } from '../../src/rendering/rendering-ask.ts';
import type { Segment, Transcript, Word } from '../../src/transcript/transcript.ts';

/** Builders for tests of rendering and of the HTTP door. */

export function segmentOf(text: string, startMs: number, endMs: number, more: Partial<Segment> = {}): Segment {
  return {
    text,
    startMs,
    endMs,
    language: null,
    speaker: null,
    confidence: null,
    avgLogprob: null,
    noSpeechProbability: null,
    tokens: [],
    ...more,
  };
}

export function wordOf(text: string, startMs: number, endMs: number, more: Partial<Word> = {}): Word {
  return { text, startMs, endMs, speaker: null, confidence: null, ...more };
}

/** Two short sentences, as OpenAI's reference shows them. */
export const twoTickets: Transcript = {
  text: 'Two tickets, please. Thanks.',
  language: 'en',
  durationMs: 4600,
  segments: [
    segmentOf('Two tickets, please.', 0, 2100, {
      avgLogprob: -0.21,
      noSpeechProbability: 0.01,
      tokens: [50364, 4453, 50469],
    }),
    segmentOf('Thanks.', 2100, 4600),
  ],
  words: [
    wordOf('Two', 120, 310, { confidence: 0.98 }),
    wordOf('tickets,', 310, 900),
    wordOf('please.', 950, 1400),
    wordOf('Thanks.', 2300, 2800),
  ],
  tokens: [
    { token: 'Two', logprob: -0.0021, bytes: [84, 119, 111] },
    { token: ' tickets, please. Thanks.', logprob: Number.NEGATIVE_INFINITY, bytes: [32] },
  ],
  unheard: [],
};

export const silence: Transcript = {
  text: '',
  language: null,
  durationMs: 3000,
  segments: [],
  words: [],
  tokens: [],
  unheard: [],
};

export function askOf(transcript: Transcript, more: Partial<RenderingAsk> = {}): RenderingAsk {
  return {
    transcript,
    usage: { type: 'duration', durationMs: transcript.durationMs },
    task: 'transcribe',
    askedLanguage: null,
    wantSegments: true,
    wantWords: false,
    wantLogprobs: false,
    receipt: null,
    ...more,
  };
}
