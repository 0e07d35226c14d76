import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPriceBook } from '../metering/price-book.ts';
import type { Market, RouteAsk } from '../routing/plan.ts';
import { catalogueOrderPolicy } from '../routing/policy.ts';
import { createExplainRoute } from './explain-route.ts';

const features = ['transcribe'] as const;
const card = (id: string, languages: readonly string[], maxDurationMs: number | null = null) => ({
  id,
  features,
  languages,
  maxDurationMs,
  maxUploadBytes: null,
});
const market: Market = {
  candidates: [
    { card: card('local/tiny', ['en']), available: true, missing: [], nanosPerMinute: 100n },
    { card: card('local/big', ['en']), available: false, missing: ['big', 'vad'] },
    { card: card('vendor/best', ['*'], 60_000), available: true, missing: [], maxParallelCalls: 3, snapshots: true },
    { card: card('vendor/ill', ['*']), available: true, missing: [], breaker: 'open', retryAfterMs: 1200 },
    { card: card('vendor/off', ['*']), available: false, missing: [], providerId: 'vendor' },
    { card: card('vendor/french', ['fr']), available: true, missing: [] },
  ],
  aliases: new Map([['house', ['local/tiny', 'local/big', 'vendor/ill', 'vendor/off', 'vendor/french', 'gone/model']]]),
  preferred: new Map([['house', ['vendor/best']]]),
  openings: new Map([['house', { modelIds: ['local/tiny'], keepAboveConfidence: 0.9, beforeOthersOnly: true }]]),
};
const price = { nanosPerMinute: 100_000_000n, minimumMs: 10_000 };
const explain = createExplainRoute({
  policy: catalogueOrderPolicy,
  market: () => market,
  prices: createPriceBook(new Map(['house', 'vendor/best', 'vendor/ill', 'local/tiny'].map((name) => [name, price]))),
});
const ask = (more: Partial<RouteAsk> = {}): RouteAsk => ({
  model: 'house',
  language: 'en',
  task: 'transcribe',
  durationMs: 90_000,
  ...more,
});

describe('createExplainRoute', () => {
  it('tells the first pass, the attempts with their pieces, and the price of the name', () => {
    const { resolvedName, opening, attempts, refusal, price: told } = explain(ask());
    assert.deepEqual([resolvedName, opening?.modelId, opening?.keepAboveConfidence], ['house', 'local/tiny', 0.9]);
    assert.deepEqual(attempts, [
      {
        modelId: 'vendor/best',
        providerId: 'vendor',
        words: "The first model of 'house' that can do it.",
        adds: [],
        pieces: { maxDurationMs: 60_000, maxUploadBytes: null, maxParallelCalls: 3 },
        breaker: 'closed',
        nanosPerMinute: null,
      },
      {
        modelId: 'local/tiny',
        providerId: 'local',
        words: 'Asked where those before it fail.',
        adds: [],
        pieces: null,
        breaker: 'closed',
        nanosPerMinute: 100n,
      },
    ]);
    assert.deepEqual([refusal, told], [null, price]);
  });

  it('says in words why each other model is passed over', () => {
    assert.deepEqual(
      explain(ask()).passedOver.map(({ modelId, words, retryAfterMs }) => [modelId, words, retryAfterMs]),
      [
        ['local/big', 'It is not installed: fluxscribe models pull big vad', null],
        ['vendor/ill', 'It has failed too often just now and is left alone for a while.', 1200],
        ['vendor/off', "Its provider 'vendor' is not switched on here.", null],
        ['vendor/french', "It does not speak 'en'.", null],
        ['gone/model', 'It is not there at the moment.', null],
      ],
    );
    const access = { allowedModels: null, localOnly: true, maxNanosPerMinute: null };
    const leaving = explain(ask({ access })).passedOver.filter((one) => one.why === 'leaves-machine');
    assert.equal(leaving.length, 4);
    assert.equal(leaving[0]?.words, 'The key lets nothing leave this machine.');
  });

  it('tells what a request would be answered where nothing would be tried', () => {
    const { attempts, refusal } = explain(ask({ model: 'vendor/ill' }));
    assert.deepEqual([attempts.length, refusal?.code, refusal?.status], [0, 'service_unavailable', 503]);
    assert.equal(explain(ask({ task: 'translate' })).refusal?.code, 'unsupported_value');
    assert.throws(() => explain(ask({ model: 'nothing' })), { code: 'model_not_found' });
  });

  it("tells the price of the account's plan where it has one of its own", () => {
    const prices = { house: { nanosPerMinute: 7n, minimumMs: 1 }, 'local/tiny': { nanosPerMinute: 8n, minimumMs: 1 } };
    const access = { allowedModels: null, localOnly: false, maxNanosPerMinute: null, prices };
    const { price: told, opening } = explain(ask({ access }));
    assert.deepEqual([told, opening?.nanosPerMinute], [prices.house, 8n]);
    assert.deepEqual(explain(ask({ model: 'vendor/best', access })).price, price);
  });

  it('explains a name that is pinned to a day by its model', () => {
    const [attempt] = explain(ask({ model: 'vendor/best-2025-12-15' })).attempts;
    assert.deepEqual([attempt?.modelId, attempt?.pieces?.maxParallelCalls], ['vendor/best-2025-12-15', 3]);
  });
});
