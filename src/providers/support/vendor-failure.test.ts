import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryAfterSeconds } from './retry-after.ts';
import { noComplaint, vendorFailure } from './vendor-failure.ts';

const secrets = ['sk-secret'];
const failure = (status: number, complaint = {}) =>
  vendorFailure(status, { ...noComplaint, ...complaint }, { secrets });

describe('vendorFailure', () => {
  it('takes secrets, line breaks and length out of the words that it hands on', () => {
    const { message } = failure(400, { message: `bad\r\nkey sk-secret ${'x'.repeat(1000)}` });
    assert.match(message, /bad key \[key\] x+…$/);
    assert.ok(message.length < 400);
  });

  it('does not blame the caller for what was chosen here', () => {
    const { next, blame } = failure(400, { isOurs: true, message: 'unknown response_format' });
    assert.deepEqual([next, blame], ['try-other', 'provider']);
  });

  it('knows an account without money by its code, whatever the status', () => {
    assert.equal(failure(429, { code: 'insufficient_quota' }).code, 'provider_key_refused');
    assert.equal(failure(402).code, 'provider_key_refused');
  });

  it('names the field that the vendor blames', () => {
    assert.equal(failure(400, { param: 'language' }).param, 'language');
    assert.equal(failure(413).param, 'file');
  });
});

describe('retryAfterSeconds', () => {
  const nowMs = Date.parse('2026-11-21T10:00:00Z');
  const after = (headers: Record<string, string>) =>
    retryAfterSeconds({ header: (name) => headers[name] ?? null }, nowMs);

  it('reads seconds, fractions, milliseconds and dates', () => {
    assert.equal(after({ 'retry-after': '7' }), 7);
    assert.equal(after({ 'retry-after': '0.2' }), 1);
    assert.equal(after({ 'retry-after-ms': '2500', 'retry-after': '60' }), 3);
    assert.equal(after({ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }), 30);
  });

  it('takes nonsense for nothing, and bounds the rest', () => {
    assert.equal(after({}), null);
    assert.equal(after({ 'retry-after': 'soon' }), null);
    assert.equal(after({ 'retry-after': '-5' }), null);
    assert.equal(after({ 'retry-after': '99999999' }), 3600);
    assert.equal(after({ 'retry-after': 'Sat, 21 Nov 2020 10:00:30 GMT' }), 1);
  });
});
