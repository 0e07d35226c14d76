import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bandTable } from './band-tables.ts';
import { ChannelStream, INTENSITY_IN_PHASE_BOOK, INTENSITY_OUT_OF_PHASE_BOOK, NOISE_BOOK } from './channel-stream.ts';
import { applyIntensity, applyMidSide, MASK_FULL, MASK_SENT } from './stereo.ts';

/** A long window of four bands of four coefficients, all of one value. */
function stream(value: number, codebooks: readonly number[]): ChannelStream {
  const made = new ChannelStream();
  made.info.edges = bandTable(44_100, 1024).longEdges;
  made.info.maxBand = codebooks.length;
  made.info.groupLengths[0] = 1;
  made.codebooks.set(codebooks);
  made.spectrum.fill(value, 0, 4 * codebooks.length);
  return made;
}

/** The first coefficient of each band. */
function firsts(made: ChannelStream): number[] {
  return Array.from({ length: made.info.maxBand }, (_, band) => made.spectrum[4 * band]!);
}

describe('applyMidSide', () => {
  it('adds and subtracts where the mask is set, but never in noise or intensity bands', () => {
    const left = stream(5, [1, 1, NOISE_BOOK, 1]);
    const right = stream(2, [1, 1, 1, INTENSITY_IN_PHASE_BOOK]);
    applyMidSide(left, right, Uint8Array.of(1, 0, 1, 1));
    assert.deepEqual(firsts(left), [7, 5, 5, 5]);
    assert.deepEqual(firsts(right), [3, 2, 2, 2]);
  });
});

describe('applyIntensity', () => {
  const books = [INTENSITY_IN_PHASE_BOOK, INTENSITY_OUT_OF_PHASE_BOOK, INTENSITY_IN_PHASE_BOOK, 1];

  it('scales the left channel by the position, and a mask that was sent turns the phase', () => {
    const left = stream(8, [1, 1, 1, 1]);
    const right = stream(1, books);
    right.scalefactors.set([4, -4, 0, 0]);
    applyIntensity(left, right, MASK_SENT, Uint8Array.of(0, 0, 1, 1));
    assert.deepEqual(firsts(right), [4, -16, -8, 1]);
  });

  it('keeps the phase under a full mask, as the standard has it', () => {
    const right = stream(1, books);
    applyIntensity(stream(8, [1, 1, 1, 1]), right, MASK_FULL, Uint8Array.of(1, 1, 1, 1));
    assert.deepEqual(firsts(right), [8, -8, 8, 1]);
  });
});
