import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Usage } from '../../core/usage.ts';
import type { Segment, TokenLogprob, Transcript, Word } from '../../transcript/transcript.ts';
import { placeTranscript, segmentEvents } from './place-transcript.ts';
import { type HeardPiece, stitchPieces } from './stitch-pieces.ts';

const word = (text: string, startMs: number, endMs: number, speaker: string | null = null): Word => ({
  text,
  startMs,
  endMs,
  speaker,
  confidence: null,
});

const segment = (text: string, startMs: number, endMs: number, more: Partial<Segment> = {}): Segment => ({
  ...word(text, startMs, endMs),
  language: null,
  avgLogprob: null,
  noSpeechProbability: null,
  tokens: [],
  ...more,
});

const token = (text: string): TokenLogprob => ({ token: text, logprob: -0.1, bytes: [...Buffer.from(text)] });

const transcript = (text: string, more: Partial<Transcript> = {}): Transcript => ({
  text,
  language: null,
  durationMs: 10_000,
  segments: [],
  words: null,
  tokens: null,
  unheard: [],
  ...more,
});

const speech = [
  { startMs: 1000, endMs: 9000 },
  { startMs: 21_000, endMs: 29_000 },
  { startMs: 41_000, endMs: 49_000 },
];

function heard(
  number: number | null,
  startMs: number,
  said: Transcript,
  more: { usage?: Usage; unmet?: HeardPiece['unmet']; vendorDurationMs?: number | null } = {},
): HeardPiece {
  const placed = placeTranscript(said, { startMs, endMs: startMs + 10_000, speech, number });
  const answer = { usage: { type: 'duration', durationMs: 10_000 } as const, unmet: [], sentMs: 10_000 };
  return { ...placed, ...answer, vendorDurationMs: null, ...more };
}

const whole = { durationMs: 50_000, speech, wantWords: true, wantLogprobs: true };

describe('stitchPieces', () => {
  it('puts times where they belong in the whole recording, never outside their piece', () => {
    const { transcript: all } = stitchPieces(
      [
        heard(1, 0, transcript('One.', { segments: [segment('One.', 1000, 2000)], words: [word('One.', 1000, 2000)] })),
        heard(
          2,
          20_000,
          transcript('Two three.', {
            segments: [segment('Two three.', 1000, 12_000)],
            words: [word('Two', 1000, 2000), word('three.', 2000, 12_000)],
          }),
        ),
        heard(3, 40_000, transcript('')),
      ],
      whole,
    );
    assert.equal(all.text, 'One. Two three.');
    assert.equal(all.durationMs, 50_000);
    assert.deepEqual(
      all.segments.map((one) => [one.startMs, one.endMs]),
      [
        [1000, 2000],
        [21_000, 30_000],
      ],
    );
    assert.deepEqual(
      all.words?.map((one) => [one.text, one.startMs, one.endMs]),
      [
        ['One.', 1000, 2000],
        ['Two', 21_000, 22_000],
        ['three.', 22_000, 30_000],
      ],
    );
    assert.deepEqual(all.unheard, []);
  });

  it('leaves a text without any times to whoever finds them, and still tells where each piece is', () => {
    const pieces = [heard(1, 0, transcript('你好。')), heard(2, 20_000, transcript('再见。', { language: 'zh' }))];
    const { transcript: all } = stitchPieces(pieces, { ...whole, speech: speech.slice(0, 2) });
    assert.equal(all.text, '你好。再见。');
    assert.deepEqual([all.segments, all.words, all.language], [[], null, 'zh']);
    const told = pieces.flatMap((piece) => [...segmentEvents(piece)]);
    assert.deepEqual(
      told.map((event) => event.type === 'segment-final' && [event.segment.startMs, event.segment.endMs]),
      [
        [1000, 9000],
        [21_000, 29_000],
      ],
    );
  });

  it('gives a piece without times those of its speech where others have times', () => {
    const timed = transcript('One.', { segments: [segment('One.', 1000, 2000)] });
    const { segments } = stitchPieces([heard(1, 0, timed), heard(2, 20_000, transcript('Two.'))], whole).transcript;
    assert.deepEqual(
      segments.map((one) => [one.text, one.startMs, one.endMs]),
      [
        ['One.', 1000, 2000],
        ['Two.', 21_000, 29_000],
      ],
    );
  });

  it('says which speech nobody has heard, and bills no one for it', () => {
    const { transcript: all, usage } = stitchPieces(
      [heard(3, 40_000, transcript('Three.', { unheard: [{ startMs: 5000, endMs: 20_000 }] }))],
      whole,
    );
    assert.deepEqual(all.unheard, [
      { startMs: 1000, endMs: 29_000 },
      { startMs: 45_000, endMs: 50_000 },
    ]);
    assert.deepEqual(usage, { type: 'duration', durationMs: 22_000 });
  });

  it('counts the tokens of all pieces, and the length where one piece does not count', () => {
    const tokens = { type: 'tokens', inputTokens: 5, outputTokens: 3, audioTokens: 4, textTokens: 1 } as const;
    const pieces = [0, 20_000, 40_000].map((startMs) => heard(1, startMs, transcript('a'), { usage: tokens }));
    assert.deepEqual(stitchPieces(pieces, whole).usage, {
      type: 'tokens',
      inputTokens: 15,
      outputTokens: 9,
      audioTokens: 12,
      textTokens: 3,
    });
    const mixed = [...pieces.slice(1), heard(1, 0, transcript('a'))];
    assert.equal(stitchPieces(mixed, whole).usage.type, 'duration');
  });

  it("takes the vendor's length where it told one for every piece, and holds no silence against it that was not sent", () => {
    const lengthOf = (...told: (number | null)[]) =>
      stitchPieces(
        told.map((vendorDurationMs, index) => heard(1, index * 20_000, transcript('a'), { vendorDurationMs })),
        whole,
      ).vendorDurationMs;
    assert.equal(lengthOf(10_000, 10_000), whole.durationMs);
    assert.equal(lengthOf(10_000, 7_000), whole.durationMs - 3_000);
    assert.equal(lengthOf(10_000, null), null);
    assert.equal(lengthOf(), null);
    assert.equal(lengthOf(-5, 10_000), -5, 'nonsense is left for whoever looks for it');
    assert.equal(lengthOf(10_000, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  });

  it('keeps tokens that make up the text, with the space between two pieces', () => {
    const { transcript: all } = stitchPieces(
      [
        heard(1, 0, transcript('One two.', { tokens: [token('One'), token(' two.')] })),
        heard(2, 20_000, transcript('', { tokens: null })),
        heard(3, 40_000, transcript('Three.', { tokens: [token('Three'), token('.')] })),
      ],
      whole,
    );
    assert.equal(all.tokens?.map((one) => one.token).join(''), all.text);
    assert.deepEqual(all.tokens?.[2]?.bytes, [...Buffer.from(' Three')]);
  });

  it('names the language that is spoken most, and all that are', () => {
    const { transcript: all, unmet } = stitchPieces(
      [
        heard(1, 0, transcript('Yes.', { language: 'en', segments: [segment('Yes.', 0, 1000)] }), {
          unmet: ['prompt', 'language'],
        }),
        heard(2, 20_000, transcript('Oui.', { language: 'fr', segments: [segment('Oui.', 0, 4000)] }), {
          unmet: ['prompt'],
        }),
        heard(3, 40_000, transcript('Yes.', { language: 'en', segments: [segment('Yes.', 0, 2000)] })),
      ],
      whole,
    );
    assert.equal(all.language, 'fr');
    assert.deepEqual(
      all.segments.map((one) => one.language),
      ['en', 'fr', 'en'],
    );
    assert.deepEqual(unmet, ['prompt', 'language']);
  });

  it('never lets the same letter stand for speakers of two pieces, and keeps names that callers gave', () => {
    const said = (speaker: string) => transcript('a', { words: [word('a', 0, 100, speaker)] });
    const speakers = (pieces: HeardPiece[]) => stitchPieces(pieces, whole).transcript.words?.map((one) => one.speaker);
    assert.deepEqual(speakers([heard(1, 0, said('A')), heard(2, 20_000, said('A')), heard(3, 40_000, said('agent'))]), [
      '1A',
      '2A',
      'agent',
    ]);
    assert.deepEqual(speakers([heard(null, 0, said('A'))]), ['A']);
  });
});

describe('segmentEvents', () => {
  it('gives every segment its own words and tokens', () => {
    const piece = heard(
      2,
      20_000,
      transcript('One two. Three.', {
        segments: [segment('One two.', 0, 1000), segment('Three.', 1000, 2000)],
        words: [word('One', 0, 500), word('two.', 500, 1000), word('Three.', 1000, 2000)],
        tokens: [token('One'), token(' two'), token('.'), token(' Thr'), token('ee.')],
      }),
    );
    const told = [...segmentEvents(piece)].map((event) =>
      event.type === 'segment-final'
        ? [event.segment.startMs, event.words?.map((one) => one.text), event.tokens?.map((one) => one.token)]
        : null,
    );
    assert.deepEqual(told, [
      [20_000, ['One', 'two.'], ['One', ' two', '.']],
      [21_000, ['Three.'], [' Thr', 'ee.']],
    ]);
  });
});
