import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unheardTail } from './unheard-tail.ts';

describe('unheardTail', () => {
  it('names the end of a recording that the vendor cut short', () => {
    assert.deepEqual(unheardTail(60_000, 600_000), [{ startMs: 60_000, endMs: 600_000 }]);
  });

  it('takes rounding, padding and clocks that disagree for the whole recording', () => {
    assert.deepEqual(unheardTail(3_000, 3_900), []);
    assert.deepEqual(unheardTail(3_600_000, 3_650_000), []);
    assert.deepEqual(unheardTail(4_000, 3_900), []);
  });

  it('says nothing when the vendor says nothing', () => {
    assert.deepEqual(unheardTail(null, 600_000), []);
  });
});
