import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Recording } from './find-recordings.ts';
import { outputPaths } from './output-plan.ts';

const recordings = (...places: string[]): Recording[] =>
  places.map((place) => ({ name: place, path: `/in/${place}`, place, sizeBytes: 1 }));

describe('output paths', () => {
  it('are the file that was named, for one recording', () => {
    assert.deepEqual(outputPaths(recordings('a.wav'), 'text', '/out/x.md', false), ['/out/x.md']);
  });

  it('keep the layout of the folders below the output folder', () => {
    const paths = outputPaths(recordings('a.wav', 'deep/b.tar.mp3'), 'srt', '/out', true);
    assert.deepEqual(paths, ['/out/a.srt', '/out/deep/b.tar.srt']);
  });

  it('never meet: names that would keep their extension, and then get a number', () => {
    const paths = outputPaths(recordings('a.wav', 'a.mp3', 'a.wav'), 'text', '/out', true);
    assert.deepEqual(paths, ['/out/a.wav.txt', '/out/a.mp3.txt', '/out/a.wav-2.txt']);
    assert.equal(new Set(paths).size, 3);
  });

  it('refuse one file for several transcripts', () => {
    assert.throws(() => outputPaths(recordings('a.wav', 'b.wav'), 'text', '/out/all.txt', false), /names a file/);
  });
});
