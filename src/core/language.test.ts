import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { languageName, toLanguageCode, whisperLanguageCodes } from './language.ts';

describe('language', () => {
  it('finds the code for codes, locales and English names in any case', () => {
    const cases: [string, string][] = [
      ['en', 'en'],
      ['EN', 'en'],
      ['en-US', 'en'],
      ['pt_BR', 'pt'],
      ['zh-Hant-TW', 'zh'],
      ['english', 'en'],
      ['English', 'en'],
      [' german ', 'de'],
      ['eng', 'en'],
      ['deu', 'de'],
      ['ger', 'de'],
      ['iw', 'he'],
      ['jw', 'jv'],
      ['nb-NO', 'no'],
      ['mandarin', 'zh'],
      ['cmn', 'zh'],
      ['cantonese', 'yue'],
      ['haitian creole', 'ht'],
      ['ga', 'ga'],
    ];
    for (const [spelling, code] of cases) assert.equal(toLanguageCode(spelling), code, spelling);
  });

  it('refuses what is no language', () => {
    for (const spelling of ['', 'xx', 'klingonese', 'e', 'en us', '../en', 'constructor', '__proto__', 'en-', '12']) {
      assert.equal(toLanguageCode(spelling), null, spelling);
    }
  });

  it('knows a hundred languages, and every name leads back to its code', () => {
    assert.equal(whisperLanguageCodes.length, 100);
    for (const code of whisperLanguageCodes) assert.equal(toLanguageCode(languageName(code)), code);
  });

  it('names a language that Whisper does not know by its English name', () => {
    assert.equal(languageName('ga'), 'irish');
    assert.equal(languageName('yue'), 'cantonese');
  });
});
