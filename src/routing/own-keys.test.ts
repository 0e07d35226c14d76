import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Candidate, Market, OwnKeys, RouteAsk } from './plan.ts';
import { catalogueOrderPolicy } from './policy.ts';

function candidate(id: string, more: Partial<Candidate> = {}): Candidate {
  const card = { id, features: ['transcribe'] as const, languages: ['*'], maxDurationMs: null, maxUploadBytes: null };
  return { card, available: true, missing: [], ...more };
}

const market: Market = {
  candidates: [
    candidate('openai/whisper-1', { snapshots: true }),
    candidate('groq/whisper-1', { available: false }),
    candidate('local/tiny'),
  ],
  aliases: new Map([['house', ['groq/whisper-1', 'openai/whisper-1', 'local/tiny']]]),
};

function plan(own: Partial<OwnKeys> | null, ask: Partial<RouteAsk> = {}, on: Market = market) {
  const keys = own && { providerIds: new Set<string>(), isAlone: false, ...own };
  const wish: RouteAsk = { model: 'house', language: null, task: 'transcribe', durationMs: 1_000, ...ask };
  return catalogueOrderPolicy.plan({ ...wish, ...(keys && { own: keys }) }, on);
}

const shown = (attempts: ReturnType<typeof plan>['attempts']) =>
  attempts.map(({ modelId, ownKey }) => (ownKey ? `${modelId} own` : modelId));

const openai = new Set(['openai']);
const groq = new Set(['groq']);

describe("a plan with an account's own keys", () => {
  it("has the own key's attempt right before the operator's", () => {
    assert.deepEqual(shown(plan({ providerIds: openai }).attempts), [
      'openai/whisper-1 own',
      'openai/whisper-1',
      'local/tiny',
    ]);
  });

  it('reaches providers that the operator has not switched on, in the order of the alias', () => {
    assert.deepEqual(shown(plan({ providerIds: groq }).attempts), [
      'groq/whisper-1 own',
      'openai/whisper-1',
      'local/tiny',
    ]);
    assert.deepEqual(shown(plan({ providerIds: groq }, { model: 'groq/whisper-1' }).attempts), ['groq/whisper-1 own']);
    assert.deepEqual(plan(null, { model: 'groq/whisper-1' }).attempts, []);
  });

  it("leaves the operator's attempt out where own keys are to be alone, and where its breaker is open", () => {
    assert.deepEqual(shown(plan({ providerIds: openai, isAlone: true }).attempts), [
      'openai/whisper-1 own',
      'local/tiny',
    ]);
    const resting: Market = {
      ...market,
      candidates: market.candidates.map((one) =>
        one.card.id === 'openai/whisper-1' ? { ...one, breaker: 'open' as const } : one,
      ),
    };
    assert.deepEqual(shown(plan({ providerIds: openai }, {}, resting).attempts), [
      'openai/whisper-1 own',
      'local/tiny',
    ]);
  });

  it('means the provider of the own key by a bare name that nobody else serves', () => {
    const others = { ...market, candidates: market.candidates.filter(({ card }) => card.id !== 'openai/whisper-1') };
    assert.deepEqual(shown(plan({ providerIds: groq }, { model: 'whisper-1' }, others).attempts), [
      'groq/whisper-1 own',
    ]);
  });

  it('keeps the day to which a name is pinned', () => {
    assert.deepEqual(shown(plan({ providerIds: openai }, { model: 'openai/whisper-1-2025-01-31' }).attempts), [
      'openai/whisper-1-2025-01-31 own',
      'openai/whisper-1-2025-01-31',
    ]);
  });

  it('never lets a recording out that its key keeps on this machine', () => {
    const access = { allowedModels: null, localOnly: true, maxNanosPerMinute: null };
    assert.deepEqual(shown(plan({ providerIds: openai }, { access }).attempts), ['local/tiny']);
  });

  it('is as before without own keys, and with keys for providers that are not asked for', () => {
    assert.deepEqual(plan({ providerIds: new Set(['deepgram']) }), plan(null));
  });
});
