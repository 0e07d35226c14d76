import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readComplaint } from './errors.ts';

describe('readComplaint', () => {
  it('reads every shape of the family', () => {
    const none = { code: null, param: null, isOurs: false };
    const bodies: readonly (readonly [body: unknown, message: string | null, more?: object])[] = [
      [{ error: { message: 'm', type: 't', param: 'language', code: 'c' } }, 'm', { code: 'c', param: 'language' }],
      [
        { error: { message: 'm', param: 'messages', code: 'unsupported_format' } },
        'm',
        { code: 'unsupported_format', param: 'file' },
      ],
      [{ error: { message: 'm', type: 't', param: 'response_format', code: null } }, 'm', { code: 't', isOurs: true }],
      [{ error: { message: 'm', param: 'timestamp_granularities[]' } }, 'm', { isOurs: true }],
      [{ error: 'failed to read WAV file' }, 'failed to read WAV file'],
      [
        { code: 20012, message: 'Model does not exist', data: null },
        'Model does not exist',
        { code: '20012', isOurs: true },
      ],
      ['Invalid token', 'Invalid token'],
      [{ detail: 'Model not loaded' }, 'Model not loaded'],
      [
        { detail: [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required' }] },
        'Field required',
        { param: 'file' },
      ],
      [{ object: 'error', message: 'm', type: 'BadRequestError', param: null, code: 400 }, 'm', { code: '400' }],
      ['<html>502</html>', null],
      [[1, 2], null],
      [null, null],
      [{}, null],
    ];
    for (const [body, message, more] of bodies) assert.deepEqual(readComplaint(body), { ...none, message, ...more });
  });
});
