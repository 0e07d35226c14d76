import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio, KnownText, SpeechSpan } from '../audio/audio.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Feature } from '../providers/contract.ts';
import type { Segment, Transcript } from '../transcript/transcript.ts';
import { type CompletionAsk, createCompleteTranscript } from './complete-transcript.ts';

const durationMs = 10_000;
const never = new AbortController().signal;

const audio: Audio = {
  stored: { path: '/nowhere', sizeBytes: 1 },
  probe: {
    container: 'wav',
    codec: 'pcm',
    sampleRate: 16_000,
    channels: 1,
    durationMs,
    headerDurationMs: null,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
  },
  async *pcm() {},
};

function segmentOf(text: string, startMs: number, endMs: number, more: Partial<Segment> = {}): Segment {
  const unknown = { language: null, speaker: null, confidence: null, avgLogprob: null, noSpeechProbability: null };
  return { text, startMs, endMs, tokens: [], ...unknown, ...more };
}

function transcriptOf(text: string, more: Partial<Transcript> = {}): Transcript {
  return { text, language: 'en', durationMs, segments: [], words: null, tokens: null, unheard: [], ...more };
}

interface Scene {
  readonly transcript: Transcript;
  readonly unmet?: readonly Feature[];
  readonly ask?: Partial<CompletionAsk>;
  /** What the aligner says; null: it cannot follow the text. */
  readonly aligner?: (text: KnownText) => readonly SpeechSpan[] | null;
  readonly speech?: readonly SpeechSpan[] | GatewayError;
}

/** A word every second, from the first second on. */
const everySecond = ({ words }: KnownText) =>
  words.map((_, index) => ({ startMs: 1_000 * (index + 1), endMs: 1_000 * (index + 1) + 600 }));

async function complete(scene: Scene) {
  const {
    transcript,
    unmet = [],
    ask = {},
    aligner = everySecond,
    speech = [{ startMs: 2_000, endMs: 8_000 }],
  } = scene;
  const asked: KnownText[] = [];
  const run = createCompleteTranscript({
    aligner: {
      async align(_audio, text) {
        asked.push(text);
        return aligner(text);
      },
    },
    speech: {
      async find() {
        if (speech instanceof GatewayError) throw speech;
        return speech;
      },
    },
    log: silentLog,
  });
  const wish: CompletionAsk = { audio, task: 'transcribe', language: null, wantWords: true, ...ask };
  return { ...(await run({ transcript, unmet }, wish, never)), asked };
}

const timesOf = (spans: readonly { text: string; startMs: number; endMs: number }[] | null) =>
  spans?.map((one) => [one.text, one.startMs, one.endMs]) ?? null;

describe('completing a transcript', () => {
  it('says where somebody speaks under an empty text, unless whoever gave it has listened here', async () => {
    const speech = [{ startMs: 2_000, endMs: 8_000 }];
    const empty = transcriptOf('');
    const ask = { wantWords: false };
    assert.deepEqual((await complete({ transcript: empty, ask, speech })).transcript.unheard, speech);
    assert.equal((await complete({ transcript: empty, ask: { ...ask, isHeardHere: true }, speech })).transcript, empty);
    const laugh = [{ startMs: 2_000, endMs: 3_000 }];
    for (const found of [laugh, [], new GatewayError('audio_unreadable', 'Damaged.')]) {
      assert.equal((await complete({ transcript: empty, ask, speech: found })).transcript, empty);
    }
  });

  it('says where somebody speaks behind a text that stops early', async () => {
    const cutOff = transcriptOf('Hello there.', { segments: [segmentOf('Hello there.', 0, 60_000)] });
    const hour: Audio = { ...audio, probe: { ...audio.probe, durationMs: 100_000 } };
    const speech = [{ startMs: 1_000, endMs: 90_000 }];
    const result = await complete({ transcript: cutOff, ask: { audio: hour, wantWords: false }, speech });
    assert.deepEqual(result.transcript.unheard, [{ startMs: 60_000, endMs: 90_000 }]);
  });

  it('adds no times once segments are out', async () => {
    const transcript = transcriptOf('Hello there.');
    const result = await complete({ transcript, ask: { timesAreOut: true } });
    assert.deepEqual([result.transcript, result.derived], [transcript, {}]);
  });

  it('gives a bare text words where they are spoken and segments by its sentences, and says so', async () => {
    const { transcript, derived, unmet } = await complete({
      transcript: transcriptOf('Two tickets, please. Thanks.'),
      unmet: ['word-times', 'segment-times', 'logprobs'],
    });
    assert.deepEqual(timesOf(transcript.words), [
      ['Two', 1_000, 1_600],
      ['tickets,', 2_000, 2_600],
      ['please.', 3_000, 3_600],
      ['Thanks.', 4_000, 4_600],
    ]);
    assert.deepEqual(timesOf(transcript.segments), [
      ['Two tickets, please.', 1_000, 3_600],
      ['Thanks.', 4_000, 4_600],
    ]);
    assert.deepEqual(derived, { words: 'aligned', segments: 'aligned' });
    assert.deepEqual(unmet, ['logprobs']);
    assert.ok(transcript.words?.every((word) => word.confidence === null));
    assert.ok(transcript.segments.every((one) => one.noSpeechProbability === null && one.language === 'en'));
  });

  it("keeps a model's segments and puts words inside them, with their speakers", async () => {
    const segments = [
      segmentOf('Two tickets, please.', 500, 2_100, { speaker: 'A' }),
      segmentOf('Thanks.', 6_000, 7_000, { speaker: 'B' }),
    ];
    const { transcript, derived, asked } = await complete({
      transcript: transcriptOf('Two tickets, please. Thanks.', { segments }),
    });
    assert.deepEqual(transcript.segments, segments);
    assert.deepEqual(timesOf(transcript.words), [
      ['Two', 1_000, 1_600],
      ['tickets,', 2_000, 2_100],
      ['please.', 2_100, 2_100],
      ['Thanks.', 6_000, 6_000],
    ]);
    assert.deepEqual(
      transcript.words?.map((word) => word.speaker),
      ['A', 'A', 'A', 'B'],
    );
    assert.deepEqual(derived, { words: 'aligned' });
    assert.deepEqual(asked[0]?.stretches, [
      { startMs: 500, endMs: 2_100, wordCount: 3 },
      { startMs: 6_000, endMs: 7_000, wordCount: 1 },
    ]);
  });

  it('changes nothing that a model gave, and nothing that the reply does not need', async () => {
    const whole = transcriptOf('Hello.', {
      segments: [segmentOf('Hello.', 100, 900)],
      words: [{ text: 'Hello.', startMs: 120, endMs: 800, speaker: null, confidence: 0.9 }],
    });
    const bare = transcriptOf('Hello.');
    const segmented = transcriptOf('Hello.', { segments: [segmentOf('Hello.', 100, 900)] });
    for (const [transcript, ask] of [
      [whole, {}],
      [bare, { wantWords: false }],
      [segmented, { needsWords: false }],
    ] as const) {
      const result = await complete({ transcript, ask, unmet: ['temperature'] });
      assert.equal(result.transcript, transcript);
      assert.deepEqual([result.derived, result.unmet, result.asked.length], [{}, ['temperature'], 0]);
    }
  });

  it('gives segments alone where nobody asks for words', async () => {
    const { transcript, derived } = await complete({
      transcript: transcriptOf('Hello there.'),
      ask: { needsWords: false },
    });
    assert.deepEqual(timesOf(transcript.segments), [['Hello there.', 1_000, 2_600]]);
    assert.deepEqual([transcript.words, derived], [null, { segments: 'aligned' }]);
  });

  it('shares a text out over the speech where no model can follow it', async () => {
    const speech = [
      { startMs: 1_000, endMs: 2_000 },
      { startMs: 5_000, endMs: 6_000 },
    ];
    const text = transcriptOf('abcd efgh');
    const { transcript, derived, unmet } = await complete({
      transcript: text,
      aligner: () => null,
      speech,
      unmet: ['word-times'],
    });
    assert.deepEqual(timesOf(transcript.words), [
      ['abcd', 1_000, 2_000],
      ['efgh', 5_000, 6_000],
    ]);
    assert.deepEqual(derived, { words: 'estimated', segments: 'estimated' });
    assert.deepEqual(unmet, []);
    const segments = [segmentOf('abcd', 4_000, 5_500), segmentOf('efgh', 7_000, 8_000)];
    const inside = await complete({ transcript: { ...text, segments }, aligner: () => null, speech });
    assert.deepEqual(timesOf(inside.transcript.words), [
      ['abcd', 5_000, 5_500],
      ['efgh', 7_000, 8_000],
    ]);
  });

  it('fails no request, whatever fails', async () => {
    const failure = new GatewayError('service_unavailable', 'The engine is busy.');
    const { transcript, derived } = await complete({
      transcript: transcriptOf('abcd efgh'),
      aligner: () => {
        throw failure;
      },
      speech: failure,
    });
    assert.deepEqual(timesOf(transcript.words), [
      ['abcd', 0, 5_000],
      ['efgh', 5_000, 10_000],
    ]);
    assert.deepEqual(derived, { words: 'estimated', segments: 'estimated' });
  });

  it('gives a translation the times of its sentences, not of its words', async () => {
    const { transcript, derived, unmet, asked } = await complete({
      transcript: transcriptOf('Hello there. Bye.', { language: null }),
      ask: { task: 'translate' },
      unmet: ['word-times', 'segment-times'],
    });
    assert.equal(transcript.segments.length, 2);
    assert.deepEqual(
      [transcript.words, derived, unmet, asked.length],
      [null, { segments: 'estimated' }, ['word-times'], 0],
    );
  });

  it('has nothing to add where nobody spoke', async () => {
    const { transcript, derived, unmet } = await complete({
      transcript: transcriptOf(''),
      unmet: ['word-times', 'segment-times'],
    });
    assert.deepEqual([transcript.words, transcript.segments, derived, unmet], [[], [], {}, []]);
  });

  it('tells the aligner the language that the model reports, that was named, or that the text shows', async () => {
    const text = 'This is what they said to us in the end, and it was not much.';
    const languageFor = async (language: string | null, named: string | null) =>
      (await complete({ transcript: transcriptOf(text, { language }), ask: { language: named } })).asked[0]?.language;
    assert.deepEqual(
      [await languageFor('cy', 'de'), await languageFor(null, 'de'), await languageFor(null, null)],
      ['cy', 'de', 'en'],
    );
  });

  it('parts a text without spaces into words, and puts it together again', async () => {
    const text = '我们走吧。他说不来。';
    const { transcript } = await complete({ transcript: transcriptOf(text, { language: 'zh' }) });
    assert.ok((transcript.words?.length ?? 0) > 3);
    assert.equal(transcript.words?.map((word) => word.text).join(''), text);
    assert.equal(transcript.segments.map((one) => one.text).join(''), text);
  });

  it('never puts a word outside the recording', async () => {
    const late = ({ words }: KnownText) => words.map(() => ({ startMs: 20_000, endMs: 21_000 }));
    const { transcript } = await complete({ transcript: transcriptOf('Hello there. Bye.'), aligner: late });
    for (const span of [...transcript.segments, ...(transcript.words ?? [])]) {
      assert.ok(span.startMs >= 0 && span.startMs <= span.endMs && span.endMs <= durationMs);
    }
  });
});
