import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { wordErrorRate, wordErrors } from '../../bench/support/word-error-rate.ts';

/** A few seconds of English that is part of the repository. */
export const speech = {
  path: fileURLToPath(new URL('../fixtures/audio/made-speech.ogg', import.meta.url)),
  text: 'My uncle keeps seven chickens behind the old garage. Every morning they wake the whole street.',
  seconds: 6.21,
};

/** Folder of the speech test set that lies beside the repository on some machines; null on the others. */
export const sharedAudio = existing(new URL('../../../shared/audio/', import.meta.url));

function existing(url: URL): string | null {
  const path = fileURLToPath(url);
  return existsSync(path) ? path : null;
}

/** The same words, whatever the punctuation, the case and the spelling of numbers. */
export function assertSameWords(actual: string, expected: string, message?: string): void {
  const rate = wordErrorRate([wordErrors(expected, actual)]);
  assert.ok(rate === 0 || (expected === '' && actual === ''), `${message ?? 'other words'}: ${actual}`);
}
