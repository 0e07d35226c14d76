import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readWhisperFacts } from './whisper-facts.ts';

const entries = {
  n_text_layer: '4',
  n_text_state: '384',
  sot: '50258',
  eot: '50257',
  no_timestamps: '50363',
  transcribe: '50359',
  translate: '50358',
  is_multilingual: '1',
  all_language_codes: 'en,jw,yue',
  all_language_tokens: '50259,50356,50357',
  non_speech_tokens: '1,2,7',
};
const facts = (changes: Record<string, string | undefined> = {}) => {
  const all = Object.entries({ ...entries, ...changes });
  return readWhisperFacts(new Map(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))));
};

describe('readWhisperFacts', () => {
  it('says languages in ISO-639-1, as the rest of the gateway does', () => {
    assert.deepEqual(
      [...facts().languages],
      [
        ['en', 50_259],
        ['jv', 50_356],
        ['yue', 50_357],
      ],
    );
  });

  it('fills in what older exports do not say', () => {
    const { melBands, heads, contextTokens, noSpeech, blank } = facts();
    assert.deepEqual(
      { melBands, heads, contextTokens, noSpeech, blank },
      { melBands: 80, heads: 6, contextTokens: 448, noSpeech: null, blank: 220 },
    );
  });

  it('knows English alone when the model does', () => {
    assert.deepEqual([...facts({ is_multilingual: '0', all_language_codes: undefined }).languages.keys()], ['en']);
  });

  it('refuses an export that does not say what is needed', () => {
    for (const key of ['sot', 'eot', 'n_text_layer', 'is_multilingual'] as const) {
      assert.throws(() => facts({ [key]: undefined }), new RegExp(key));
    }
    assert.throws(() => facts({ all_language_tokens: '50259' }), /all_language_codes/);
    assert.throws(() => facts({ eot: 'many' }), /eot/);
  });
});
