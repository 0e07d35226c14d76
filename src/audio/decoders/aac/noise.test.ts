import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bandTable } from './band-tables.ts';
import { ChannelStream, NOISE_BOOK } from './channel-stream.ts';
import { fillNoise, NoiseSource } from './noise.ts';

/** A long window with noise in bands 3 and 5. */
function noisyStream(energies: readonly [number, number]): ChannelStream {
  const stream = new ChannelStream();
  stream.info.edges = bandTable(44_100, 1024).longEdges;
  stream.info.maxBand = 8;
  stream.info.groupLengths[0] = 1;
  [3, 5].forEach((band, index) => {
    stream.codebooks[band] = NOISE_BOOK;
    stream.scalefactors[band] = energies[index]!;
  });
  return stream;
}

function bandOf(stream: ChannelStream, band: number): Float64Array {
  return stream.spectrum.subarray(stream.info.edges[band]!, stream.info.edges[band + 1]!);
}

function energyOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

describe('fillNoise', () => {
  it('gives each noise band the energy that was sent and leaves the others alone', () => {
    const stream = noisyStream([20, -6]);
    fillNoise(stream, new NoiseSource(), null, null);
    assert.ok(Math.abs(energyOf(bandOf(stream, 3)) / 2 ** 10 - 1) < 1e-9);
    assert.ok(Math.abs(energyOf(bandOf(stream, 5)) / 2 ** -3 - 1) < 1e-9);
    assert.equal(energyOf(bandOf(stream, 4)), 0);
  });

  it('shares the noise of two channels where the mask says so, and only there', () => {
    const source = new NoiseSource();
    const left = noisyStream([20, 20]);
    const right = noisyStream([24, 20]);
    const mask = new Uint8Array(120);
    mask[3] = 1;
    fillNoise(left, source, null, null);
    fillNoise(right, source, left, mask);
    bandOf(left, 3).forEach((value, at) => {
      assert.ok(Math.abs(bandOf(right, 3)[at]! - 2 * value) < 1e-9);
    });
    assert.notDeepEqual(bandOf(right, 5), bandOf(left, 5));
  });

  it('repeats itself after a reset', () => {
    const source = new NoiseSource();
    const first = noisyStream([20, 20]);
    const second = noisyStream([20, 20]);
    fillNoise(first, source, null, null);
    source.reset();
    fillNoise(second, source, null, null);
    assert.deepEqual(second.spectrum, first.spectrum);
  });
});
