import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkedAbort } from './linked-abort.ts';

describe('a linked abort', () => {
  it('follows each of the others with its reason', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(first.signal, second.signal);
    assert.equal(linked.signal.aborted, false);
    second.abort('second');
    first.abort('first');
    assert.deepEqual([linked.signal.aborted, linked.signal.reason], [true, 'second']);
  });

  it('is aborted from the start when one of the others is', () => {
    assert.equal(new LinkedAbort(AbortSignal.abort('before')).signal.reason, 'before');
  });

  it('leaves the others alone, and is left alone by them once released', () => {
    const other = new AbortController();
    const linked = new LinkedAbort(other.signal);
    linked.release();
    other.abort();
    assert.equal(linked.signal.aborted, false);
    const own = new LinkedAbort(new AbortController().signal);
    own.abort('own');
    assert.equal(own.signal.reason, 'own');
  });
});
