import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PcmFrame, pcmFrames } from './pcm-frames.ts';

async function framesOf(...chunks: number[][]): Promise<PcmFrame[]> {
  async function* decoded() {
    for (const chunk of chunks) yield Float32Array.from(chunk);
  }
  const frames: PcmFrame[] = [];
  for await (const frame of pcmFrames(decoded())) frames.push(frame);
  return frames;
}

describe('pcmFrames', () => {
  it('cuts chunks of any size into frames of 80 ms and a rest', async () => {
    const frames = await framesOf(new Array(1000).fill(0), new Array(1720).fill(0));
    assert.deepEqual(
      frames.map((frame) => [frame.bytes.length, frame.untilMs]),
      [
        [2560, 80],
        [2560, 160],
        [320, 170],
      ],
    );
  });

  it('writes little-endian 16-bit samples and clips what is too loud', async () => {
    const [frame] = await framesOf([0, 0.5, -0.5, 1, -1, 3, -3]);
    assert.ok(frame);
    const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
    const samples = Array.from({ length: 7 }, (_, index) => view.getInt16(index * 2, true));
    assert.deepEqual(samples, [0, 16384, -16383, 32767, -32767, 32767, -32768]);
  });

  it('yields nothing for no sound', async () => {
    assert.deepEqual(await framesOf([], []), []);
  });
});
