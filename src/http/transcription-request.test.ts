import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTranscriptionRequest } from './transcription-request.ts';

type Pairs = [name: string, value: string][];

function read(pairs: Pairs, task: 'transcribe' | 'translate' = 'transcribe') {
  const form = new Map<string, string[]>();
  for (const [name, value] of pairs) form.set(name, [...(form.get(name) ?? []), value]);
  return readTranscriptionRequest(form, [], task, 'flux-voice');
}
function refused(pairs: Pairs, param: string, code = 'invalid_value', task: 'transcribe' | 'translate' = 'transcribe') {
  assert.throws(() => read(pairs, task), { code, param }, JSON.stringify(pairs));
}

describe('transcription request', () => {
  it('has a default for everything', () => {
    assert.deepEqual(read([]), {
      model: 'flux-voice',
      language: null,
      prompt: null,
      temperature: null,
      format: 'json',
      stream: false,
      showSegments: true,
      showWords: false,
      wantWords: false,
      needsWords: false,
      wantLogprobs: false,
      unmet: [],
      ignored: [],
    });
  });

  it('takes empty text as absence', () => {
    const names = ['model', 'language', 'prompt', 'temperature', 'response_format', 'stream', 'include[]'];
    assert.deepEqual(read(names.map((name) => [name, ''])), read([]));
  });

  it('reads granularities in every spelling', () => {
    const both: Pairs[] = [
      [
        ['timestamp_granularities[]', 'word'],
        ['timestamp_granularities[]', 'segment'],
      ],
      [
        ['timestamp_granularities', 'word'],
        ['timestamp_granularities', 'segment'],
      ],
      [['timestamp_granularities', 'word,segment']],
      [['timestamp_granularities[]', 'word, segment']],
      [
        ['timestamp_granularities[0]', 'word'],
        ['timestamp_granularities[1]', 'segment'],
      ],
    ];
    for (const pairs of both) {
      const { showWords, showSegments } = read([['response_format', 'verbose_json'], ...pairs]);
      assert.deepEqual([showWords, showSegments], [true, true], JSON.stringify(pairs));
    }
    const words = read([
      ['response_format', 'verbose_json'],
      ['timestamp_granularities[]', 'word'],
    ]);
    assert.deepEqual([words.showWords, words.showSegments, words.wantWords], [true, false, true]);
  });

  it('asks for words where times of words, cues or segments are shown', () => {
    const wanted = (format: string, more: Pairs = []) => read([['response_format', format], ...more]).wantWords;
    assert.equal(wanted('srt'), true);
    assert.equal(wanted('vtt'), true);
    assert.equal(wanted('verbose_json'), true);
    assert.equal(wanted('diarized_json'), true);
    assert.equal(wanted('text'), false);
    assert.equal(wanted('json', [['timestamp_granularities[]', 'word']]), false);
  });

  it('reads chunking_strategy in all three encodings and reports that its numbers change nothing', () => {
    assert.deepEqual(read([['chunking_strategy', 'auto']]).unmet, []);
    const bracket: Pairs = [
      ['chunking_strategy[type]', 'server_vad'],
      ['chunking_strategy[threshold]', '0.5'],
    ];
    assert.deepEqual(read(bracket).unmet, ['chunking_strategy']);
    assert.deepEqual(read([['chunking_strategy', '{"type":"server_vad","threshold":0.5}']]).unmet, [
      'chunking_strategy',
    ]);
    assert.deepEqual(read([['chunking_strategy[type]', 'server_vad']]).unmet, []);
  });

  it('refuses a chunking_strategy that makes no sense', () => {
    refused([['chunking_strategy', 'sometimes']], 'chunking_strategy');
    refused([['chunking_strategy', '{"type":']], 'chunking_strategy');
    refused([['chunking_strategy', '{"type":"server_vad","threshold":1.5}']], 'chunking_strategy');
    refused(
      [
        ['chunking_strategy[type]', 'server_vad'],
        ['chunking_strategy[silence_duration_ms]', 'long'],
      ],
      'chunking_strategy',
    );
    refused([['chunking_strategy[threshold]', '0.5']], 'chunking_strategy');
  });

  it('says which part of a chunking_strategy is wrong', () => {
    assert.throws(() => read([['chunking_strategy', '{"type":"server_vad","threshold":1.5}']]), /\(threshold\).*<=1/);
  });

  it('takes a language in every spelling and refuses what is none', () => {
    assert.equal(read([['language', 'en-US']]).language, 'en');
    assert.equal(read([['language', 'German']]).language, 'de');
    refused([['language', 'klingon']], 'language');
  });

  it('takes one expected language as the language, and reports several', () => {
    assert.equal(read([['languages[]', 'fr']]).language, 'fr');
    const several = read([
      ['languages[]', 'fr'],
      ['languages[]', 'de'],
    ]);
    assert.deepEqual([several.language, several.unmet], [null, ['languages']]);
    refused(
      [
        ['language', 'fr'],
        ['languages[]', 'fr'],
      ],
      'languages',
    );
    refused([['languages[]', 'xx']], 'languages');
  });

  it('checks keywords and reports that they bias nothing', () => {
    assert.deepEqual(read([['keywords[]', 'Fluxscribe, Inc.']]).unmet, ['keywords']);
    for (const bad of ['<b>', 'two\nlines']) refused([['keywords[]', bad]], 'keywords');
  });

  it('refuses values out of range by the name of their field', () => {
    refused([['response_format', 'docx']], 'response_format');
    refused([['temperature', '1.5']], 'temperature');
    refused([['temperature', 'hot']], 'temperature');
    refused([['temperature', 'NaN']], 'temperature');
    refused([['stream', 'maybe']], 'stream');
    refused([['timestamp_granularities[]', 'phoneme']], 'timestamp_granularities');
    refused([['include[]', 'everything']], 'include');
    refused([['model', 'x'.repeat(300)]], 'model');
  });

  it('refuses what it cannot do by name rather than leaving it out', () => {
    refused([['known_speaker_names[]', 'agent']], 'known_speaker_names', 'unsupported_value');
    refused(
      [['known_speaker_references[]', 'data:audio/wav;base64,AA']],
      'known_speaker_references',
      'unsupported_value',
    );
    for (const format of ['srt', 'vtt', 'verbose_json']) {
      refused(
        [
          ['response_format', format],
          ['stream', 'true'],
        ],
        'stream',
        'unsupported_value',
      );
    }
    for (const format of ['text', 'verbose_json', 'diarized_json']) {
      refused(
        [
          ['response_format', format],
          ['include[]', 'logprobs'],
        ],
        'include',
        'unsupported_value',
      );
    }
    refused([['stream', 'true']], 'stream', 'unsupported_value', 'translate');
    refused([['response_format', 'diarized_json']], 'response_format', 'unsupported_value', 'translate');
  });

  it('reads booleans as the clients of several languages write them', () => {
    for (const text of ['true', 'True', '1']) assert.equal(read([['stream', text]]).stream, true);
    for (const text of ['false', 'False', '0', '']) assert.equal(read([['stream', text]]).stream, false);
  });

  it('takes a repeated field only when both values are the same', () => {
    const twice = (second: string): Pairs => [
      ['model', 'flux-voice-fast'],
      ['model', second],
    ];
    assert.equal(read(twice('flux-voice-fast')).model, 'flux-voice-fast');
    refused(twice('flux-voice'), 'model');
  });

  it('names the fields that it ignores', () => {
    assert.deepEqual(
      read([
        ['user', 'me'],
        ['metadata[a]', 'b'],
        ['__proto__', 'x'],
        ['model[]', 'y'],
      ]).ignored,
      ['user', 'metadata[a]', '__proto__', 'model[]'],
    );
  });

  it('keeps the outer space of a prompt', () => {
    assert.equal(read([['prompt', ' Fluxscribe ']]).prompt, ' Fluxscribe ');
  });
});
