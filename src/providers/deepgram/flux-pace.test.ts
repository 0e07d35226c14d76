import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fluxAheadMs, fluxWaitMs } from './flux-pace.ts';

describe('fluxWaitMs', () => {
  it('sends at once what is little ahead of what was heard', () => {
    assert.equal(fluxWaitMs(fluxAheadMs, { heardMs: 0, sinceStartMs: 0 }), 0);
    assert.equal(fluxWaitMs(60_000 + fluxAheadMs, { heardMs: 60_000, sinceStartMs: 0 }), 0);
  });

  it('holds back what is further ahead, at most until real time catches up', () => {
    assert.equal(fluxWaitMs(fluxAheadMs + 80, { heardMs: 0, sinceStartMs: 0 }), 80);
    assert.equal(fluxWaitMs(fluxAheadMs + 80, { heardMs: 0, sinceStartMs: 30 }), 50);
    assert.equal(fluxWaitMs(fluxAheadMs + 80, { heardMs: 0, sinceStartMs: 80 }), 0);
    assert.equal(fluxWaitMs(60_000, { heardMs: 1_000, sinceStartMs: 58_000 }), 0);
  });
});
