import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { childOnDemand, type Log, silentLog } from './log.ts';

describe('a child on demand', () => {
  it('is made with its first line, once, and writes as the child itself would', () => {
    const lines: [object, string, object][] = [];
    let made = 0;
    const logWith = (fields: object): Log => ({
      ...silentLog,
      info: (more, message) => void lines.push([more, message, fields]),
      child(more) {
        made++;
        return logWith({ ...fields, ...more });
      },
    });
    const log = childOnDemand(logWith({}), { requestId: 'r' });
    assert.equal(made, 0);
    log.info({ a: 1 }, 'one');
    log.info({ a: 2 }, 'two');
    assert.equal(made, 1);
    log.child({ part: 3 }).info({}, 'three');
    assert.deepEqual(lines, [
      [{ a: 1 }, 'one', { requestId: 'r' }],
      [{ a: 2 }, 'two', { requestId: 'r' }],
      [{}, 'three', { requestId: 'r', part: 3 }],
    ]);
  });
});
