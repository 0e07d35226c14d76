import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGate } from './gate.ts';

describe('gate', () => {
  it('lets in as many as it holds and tells the next one when to come again', () => {
    const gate = createGate({ capacity: 2, fullMessage: 'full', retryAfterSeconds: 3 });
    gate.enter();
    const second = gate.enter();
    assert.throws(() => gate.enter(), { code: 'service_unavailable', message: 'full', retryAfterSeconds: 3 });
    second.release();
    gate.enter();
    assert.equal(gate.inside, 2);
  });

  it('counts a permit that is given back twice only once', () => {
    const gate = createGate({ capacity: 1, fullMessage: 'full', retryAfterSeconds: 1 });
    const permit = gate.enter();
    permit.release();
    permit.release();
    assert.equal(gate.inside, 0);
  });
});
