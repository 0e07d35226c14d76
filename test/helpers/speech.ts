import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
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

/** What the clip that ships in examples/ says. */
export const helloText = 'The quick brown fox jumps over the lazy dog.';

/**
 * A wav file (mu-law, 16 kHz) in which the clip of examples/ is said over and over, with a second of silence after each:
 * as long as asked for, to the sample, and 16 kB a second.
 */
export function longSpeechWav(seconds: number): Buffer<ArrayBuffer> {
  const clip = readFileSync(new URL('../../examples/hello.wav', import.meta.url));
  const data = clip.indexOf('data', 0, 'latin1');
  const sound = clip.subarray(data + 8, data + 8 + clip.readUInt32LE(data + 4));
  const samplesPerSecond = 16_000;
  // 0xff is zero in mu-law.
  const content = Buffer.alloc(Math.round(seconds * samplesPerSecond), 0xff);
  for (let at = 0; at < content.length; at += sound.length + samplesPerSecond) sound.copy(content, at);
  const header = Buffer.alloc(46);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(content.length + 38, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(18, 16);
  header.writeUInt16LE(7, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(samplesPerSecond, 24);
  header.writeUInt32LE(samplesPerSecond, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 38, 'latin1');
  header.writeUInt32LE(content.length, 42);
  return Buffer.concat([header, content]);
}
