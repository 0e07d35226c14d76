import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PcmWindow } from './pcm-window.ts';

describe('PcmWindow', () => {
  it('cuts across chunks by position in the recording, also after forgetting', () => {
    const sound = new PcmWindow();
    for (let first = 0; first < 100; first += 10) sound.append(Float32Array.from({ length: 10 }, (_, i) => first + i));
    assert.deepEqual([...sound.slice(8, 12)], [8, 9, 10, 11]);
    sound.forgetBefore(35);
    assert.deepEqual([...sound.slice(38, 42)], [38, 39, 40, 41]);
    assert.equal(sound.slice(0, 25).length, 0);
    assert.equal(sound.end, 100);
  });
});
