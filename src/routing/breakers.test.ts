import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BreakerOptions, createBreakers } from './breakers.ts';

const provider = ['groq', 'groq/whisper'] as const;

function given(more: Partial<BreakerOptions> = {}) {
  let nowMs = 1_000_000;
  const breakers = createBreakers({
    failures: 5,
    openMs: 1000,
    maxOpenMs: 3000,
    clock: { nowMs: () => nowMs },
    ...more,
  });
  return {
    breakers,
    state: () => breakers.stateOf(...provider),
    wait(ms: number) {
      nowMs += ms;
    },
    requests(verdict: 'good' | 'bad' | 'none', count: number) {
      for (let one = 0; one < count; one++) breakers.enter(...provider)?.settle(verdict);
    },
    probe(verdict: 'good' | 'bad' | 'none') {
      const pass = breakers.enter(...provider);
      assert.equal(pass?.isProbe, true);
      pass?.settle(verdict);
    },
  };
}

describe('a breaker', () => {
  it('tells whether all are closed, also after a rest, an outage and its probe', () => {
    const { breakers, requests, wait, probe } = given();
    assert.equal(breakers.areAllClosed(), true);
    breakers.rest('other', 'other/model', 300);
    assert.equal(breakers.areAllClosed(), false);
    wait(301);
    assert.equal(breakers.areAllClosed(), true);
    requests('bad', 5);
    assert.equal(breakers.areAllClosed(), false);
    wait(1001);
    assert.equal(breakers.areAllClosed(), false, 'it wants a probe first');
    probe('bad');
    wait(2001);
    probe('good');
    assert.equal(breakers.areAllClosed(), true);
    requests('bad', 20);
    assert.equal(breakers.areAllClosed(), false, 'a second outage is noticed like the first');
  });

  it('opens when requests fail again and again, and says until when', () => {
    const { requests, state, breakers } = given();
    requests('bad', 4);
    assert.deepEqual(state(), { state: 'closed', retryAfterMs: 0 });
    requests('bad', 1);
    assert.deepEqual(state(), { state: 'open', retryAfterMs: 1000 });
    assert.equal(breakers.enter(...provider), null);
  });

  it('stays closed while as many succeed, and takes what says nothing for nothing', () => {
    const { requests, state } = given();
    for (let round = 0; round < 20; round++) {
      requests('good', 1);
      requests('bad', 1);
      requests('none', 5);
    }
    assert.equal(state().state, 'closed');
  });

  it('lets exactly one request probe, and the others know when to come', () => {
    const { requests, wait, state, breakers } = given();
    requests('bad', 5);
    wait(1000);
    assert.equal(state().state, 'probing');
    const probe = breakers.enter(...provider);
    assert.equal(probe?.isProbe, true);
    assert.equal(breakers.enter(...provider), null);
    assert.equal(state().state, 'open');
    probe?.settle('good');
    assert.equal(state().state, 'closed');
    assert.equal(breakers.enter(...provider)?.isProbe, false);
  });

  it('stays open twice as long after every probe that fails, up to a ceiling', () => {
    const { requests, wait, state, probe } = given();
    requests('bad', 5);
    for (const expected of [2000, 3000, 3000]) {
      wait(state().retryAfterMs);
      probe('bad');
      assert.deepEqual(state(), { state: 'open', retryAfterMs: expected });
    }
    wait(3000);
    probe('good');
    requests('bad', 5);
    assert.equal(state().retryAfterMs, 1000);
  });

  it('lets the next one probe when a caller who did has left', () => {
    const { requests, wait, state, probe } = given();
    requests('bad', 5);
    wait(1000);
    probe('none');
    assert.equal(state().state, 'probing');
    probe('good');
  });

  it('hears nothing from requests that began before it opened', () => {
    const { requests, wait, state, breakers } = given();
    const early = [breakers.enter(...provider), breakers.enter(...provider)];
    requests('bad', 5);
    early[0]?.settle('good');
    assert.equal(state().state, 'open');
    wait(1000);
    early[1]?.settle('bad');
    assert.equal(state().state, 'probing');
  });

  it('rests for as long as the provider asks, then goes on as before', () => {
    const { wait, state, breakers } = given();
    breakers.rest(...provider, 5000);
    breakers.rest(...provider, 2000);
    assert.deepEqual(state(), { state: 'open', retryAfterMs: 5000 });
    wait(5000);
    assert.equal(state().state, 'closed');
  });

  it('is one for each provider and model, names pinned to a day among them', () => {
    const { requests, breakers } = given();
    requests('bad', 5);
    assert.equal(breakers.stateOf('groq', 'groq/whisper-2026-01-01').state, 'open');
    assert.equal(breakers.stateOf('groq', 'groq/other').state, 'closed');
    for (let day = 10; day < 28; day++) breakers.enter('groq', `groq/whisper-2026-02-${day}`);
    assert.deepEqual(
      breakers.list().map(({ modelId, state }) => [modelId, state]),
      [['groq/whisper', 'open']],
    );
  });

  it('never stands in the way of those that look after themselves', () => {
    const { requests, state, breakers } = given({ exempt: new Set(['groq']) });
    requests('bad', 50);
    breakers.rest(...provider, 60_000);
    assert.equal(state().state, 'closed');
    assert.ok(breakers.enter(...provider));
  });
});
