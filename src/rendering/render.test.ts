import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askOf, segmentOf, silence, twoTickets } from '../../test/helpers/transcripts.ts';
import { render } from './render.ts';

describe('text, srt and vtt', () => {
  it('are byte for byte what OpenAI sends', () => {
    assert.deepEqual(render('text', askOf(twoTickets)), {
      mediaType: 'text/plain; charset=utf-8',
      content: 'Two tickets, please. Thanks.\n',
    });
    assert.deepEqual(render('srt', askOf(twoTickets)), {
      mediaType: 'text/plain; charset=utf-8',
      content:
        '1\n00:00:00,000 --> 00:00:02,100\nTwo tickets, please.\n\n2\n00:00:02,100 --> 00:00:04,600\nThanks.\n\n\n',
    });
    assert.deepEqual(render('vtt', askOf(twoTickets)), {
      mediaType: 'text/plain; charset=utf-8',
      content:
        'WEBVTT\n\n00:00:00.000 --> 00:00:02.100\nTwo tickets, please.\n\n00:00:02.100 --> 00:00:04.600\nThanks.\n\n',
    });
  });

  it('have a fixed form where nobody spoke', () => {
    assert.equal(render('text', askOf(silence)).content, '\n');
    assert.equal(render('srt', askOf(silence)).content, '\n');
    assert.equal(render('vtt', askOf(silence)).content, 'WEBVTT\n\n');
  });
});

describe('json', () => {
  it('has text, language, duration and usage, and nothing that is null', () => {
    assert.deepEqual(JSON.parse(render('json', askOf(twoTickets)).content), {
      text: 'Two tickets, please. Thanks.',
      language: 'en',
      languages: [{ code: 'en' }],
      duration: 4.6,
      usage: { type: 'duration', seconds: 4.6 },
    });
    assert.deepEqual(JSON.parse(render('json', askOf(silence)).content), {
      text: '',
      languages: [],
      duration: 3,
      usage: { type: 'duration', seconds: 3 },
    });
  });

  it('carries log-probabilities when asked for, with -9999 for the log of zero', () => {
    const body = JSON.parse(render('json', askOf(twoTickets, { wantLogprobs: true })).content);
    assert.deepEqual(body.logprobs, [
      { token: 'Two', logprob: -0.0021, bytes: [84, 119, 111] },
      { token: ' tickets, please. Thanks.', logprob: -9999, bytes: [32] },
    ]);
  });

  it('says where speech stayed unheard', () => {
    const partial = { ...twoTickets, unheard: [{ startMs: 3000, endMs: 4250 }] };
    for (const format of ['json', 'verbose_json', 'diarized_json'] as const) {
      const body = JSON.parse(render(format, askOf(partial)).content);
      assert.equal(body.warnings.length, 1, format);
      assert.deepEqual(
        [body.warnings[0].type, body.warnings[0].start, body.warnings[0].end],
        ['speech_not_transcribed', 3, 4.25],
      );
    }
  });

  it('carries token usage in the shape of OpenAI', () => {
    const usage = { type: 'tokens', inputTokens: 31, outputTokens: 6, audioTokens: 31, textTokens: 0 } as const;
    assert.deepEqual(JSON.parse(render('json', askOf(twoTickets, { usage })).content).usage, {
      type: 'tokens',
      input_tokens: 31,
      output_tokens: 6,
      total_tokens: 37,
      input_token_details: { audio_tokens: 31, text_tokens: 0 },
    });
  });
});

describe('verbose_json', () => {
  it('gives every segment all ten keys, a leading space and at most three decimals', () => {
    const body = JSON.parse(render('verbose_json', askOf(twoTickets)).content);
    assert.equal(body.task, 'transcribe');
    assert.equal(body.language, 'english');
    assert.deepEqual(body.segments[0], {
      id: 0,
      seek: 0,
      start: 0,
      end: 2.1,
      text: ' Two tickets, please.',
      tokens: [50364, 4453, 50469],
      temperature: 0,
      avg_logprob: -0.21,
      compression_ratio: body.segments[0].compression_ratio,
      no_speech_prob: 0.01,
    });
    assert.equal(Object.keys(body.segments[1]).length, 10);
    assert.ok(!('words' in body));
  });

  it('has exactly the lists of the granularities that were asked for', () => {
    const keys = (wantSegments: boolean, wantWords: boolean) => {
      const body = JSON.parse(render('verbose_json', askOf(twoTickets, { wantSegments, wantWords })).content);
      return ['segments', 'words'].filter((key) => key in body);
    };
    assert.deepEqual(keys(true, false), ['segments']);
    assert.deepEqual(keys(false, true), ['words']);
    assert.deepEqual(keys(true, true), ['segments', 'words']);
  });

  it('leaves words out rather than null when there are none to give', () => {
    const body = JSON.parse(render('verbose_json', askOf({ ...twoTickets, words: null }, { wantWords: true })).content);
    assert.ok(!('words' in body));
  });

  it('rounds probabilities to four decimals', () => {
    const noisy = {
      ...twoTickets,
      segments: [segmentOf('Hi.', 0, 1, { confidence: 0.883163636, noSpeechProbability: 0.04416291340432987 })],
    };
    const [segment] = JSON.parse(render('verbose_json', askOf(noisy)).content).segments;
    assert.deepEqual([segment.confidence, segment.no_speech_prob], [0.8832, 0.0442]);
  });

  it('rounds float noise to milliseconds', () => {
    const noisy = { ...twoTickets, durationMs: 3319.9999, segments: [segmentOf('Hi.', 0.0001, 3319.9999)] };
    const body = JSON.parse(render('verbose_json', askOf(noisy)).content);
    assert.deepEqual([body.duration, body.segments[0].start, body.segments[0].end], [3.32, 0, 3.32]);
  });

  it('names the language of silence only as far as it is known', () => {
    assert.equal(JSON.parse(render('verbose_json', askOf(silence)).content).language, 'unknown');
    assert.equal(
      JSON.parse(render('verbose_json', askOf(silence, { askedLanguage: 'de' })).content).language,
      'german',
    );
  });

  it('is always English after translation', () => {
    const german = { ...twoTickets, language: 'de' };
    const body = JSON.parse(render('verbose_json', askOf(german, { task: 'translate' })).content);
    assert.deepEqual([body.task, body.language], ['translate', 'english']);
  });

  it('shows repetition as a high compression ratio', () => {
    const ratioOf = (text: string) =>
      JSON.parse(render('verbose_json', askOf({ ...twoTickets, segments: [segmentOf(text, 0, 4000)] })).content)
        .segments[0].compression_ratio;
    assert.ok(ratioOf('Thank you. '.repeat(40)) > 2.4);
    assert.ok(ratioOf('Two tickets, please.') < 1);
    assert.equal(ratioOf(''), 1);
  });
});

describe('diarized_json', () => {
  it('has string ids and one speaker where speakers were not told apart', () => {
    const body = JSON.parse(render('diarized_json', askOf(twoTickets)).content);
    assert.deepEqual(body.segments, [
      {
        type: 'transcript.text.segment',
        id: 'seg_001',
        start: 0,
        end: 2.1,
        text: 'Two tickets, please.',
        speaker: 'A',
      },
      { type: 'transcript.text.segment', id: 'seg_002', start: 2.1, end: 4.6, text: 'Thanks.', speaker: 'A' },
    ]);
    assert.equal(body.text, 'Two tickets, please. Thanks.');
  });

  it('keeps the speakers that are known', () => {
    const spoken = { ...twoTickets, segments: [segmentOf('Hello?', 0, 1100, { speaker: 'agent' })] };
    assert.equal(JSON.parse(render('diarized_json', askOf(spoken)).content).segments[0].speaker, 'agent');
  });
});

describe('text without segments', () => {
  it('counts as one segment over the whole recording', () => {
    const bare = { ...twoTickets, segments: [] };
    const body = JSON.parse(render('verbose_json', askOf(bare)).content);
    assert.deepEqual([body.segments.length, body.segments[0].end], [1, 4.6]);
    assert.match(render('srt', askOf(bare)).content, /^1\n00:00:00,000 --> 00:00:04,600\nTwo tickets/);
  });
});
