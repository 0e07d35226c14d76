import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadCatalogue } from './catalogue/load-catalogue.ts';
import { createModelDirectory } from './compose-model-directory.ts';
import {
  accurateModels,
  accurateRouteProblem,
  createMarket,
  type InstalledCatalogue,
  type ModelHealth,
  marketOf,
  pricesOf,
} from './compose-models.ts';
import { chargeFor } from './metering/price-book.ts';

const catalogue = loadCatalogue(null);
const current: InstalledCatalogue = { catalogue, installed: new Set(['moonshine-tiny', 'silero-vad']) };
const limits = { maxUploadBytes: 1000, maxAudioSeconds: 60 };

describe('the catalogue as others see it', () => {
  it('prices a minute at ten cents, and anything shorter than ten seconds as ten', () => {
    const price = pricesOf(catalogue).get('flux-voice');
    assert.ok(price);
    assert.equal(chargeFor(price, 60_000).costNanos, 100_000_000n);
    assert.equal(chargeFor(price, 1).billedMs, 10_000);
  });

  it('shows aliases and models to callers', () => {
    const directory = createModelDirectory(
      () => current,
      () => 'ready',
      limits,
    );
    assert.deepEqual(
      directory
        .list()
        .slice(0, 3)
        .map((entry) => [entry.id, entry.ownedBy, entry.health]),
      [
        ['flux-voice', 'fluxscribe', 'ready'],
        ['flux-voice-fast', 'fluxscribe', 'ready'],
        ['flux-voice-accurate', 'fluxscribe', 'ready'],
      ],
    );
    assert.equal(directory.find('moonshine-tiny')?.id, 'local/moonshine-tiny');
    assert.ok(directory.find('flux-voice')?.aliasOf?.includes('local/moonshine-tiny'));
    assert.equal(directory.find('whisper-base')?.id, 'local/whisper-base');
    assert.equal(directory.find('nothing'), null);
  });

  it("finds what stands in for a vendor's name while the vendor is not switched on", () => {
    let isOn = false;
    const directory = createModelDirectory(
      () => current,
      ({ upstream }) => (upstream && !isOn ? 'not-installed' : 'ready'),
      limits,
    );
    const names = ['whisper-1', 'gpt-4o-transcribe', 'gpt-4o-mini-transcribe-2025-12-15', 'gpt-transcribe'];
    const found = () => names.map((name) => directory.find(name)?.id);
    assert.deepEqual(new Set(found()), new Set(['flux-voice']));
    assert.equal(directory.find('openai/whisper-1')?.id, 'openai/whisper-1');
    assert.equal(directory.find('whisper-1', new Set(['openai']))?.id, 'openai/whisper-1');
    assert.equal(directory.find('whisper-1', undefined, ['openai/whisper-1'])?.id, 'openai/whisper-1');
    isOn = true;
    assert.deepEqual(found(), [
      'openai/whisper-1',
      'openai/gpt-4o-transcribe',
      'openai/gpt-4o-mini-transcribe',
      'openai/gpt-transcribe',
    ]);
  });

  it('follows what is installed and healthy at each moment', () => {
    let state: ReturnType<ModelHealth> = 'not-installed';
    const directory = createModelDirectory(
      () => current,
      () => state,
      limits,
    );
    const available = () => marketOf(current, () => state).candidates.filter((one) => one.available);
    assert.deepEqual(available(), []);
    assert.equal(directory.find('flux-voice')?.health, 'not-installed');
    state = 'unavailable';
    assert.equal(directory.find('flux-voice')?.health, 'unavailable');
    state = 'ready';
    assert.equal(available().length, catalogue.models.length);
  });

  it('tells which artifacts a model still needs', () => {
    const { candidates } = marketOf(current, () => 'ready');
    const missing = (id: string) => candidates.find((one) => one.card.id === id)?.missing;
    assert.deepEqual(missing('local/moonshine-tiny'), []);
    assert.deepEqual(missing('local/whisper-base'), ['whisper-base']);
    assert.deepEqual(missing('local/duo-auto'), ['whisper-base']);
  });

  it("puts the operator's accurate models before ours, and a first pass before them where the name chooses", () => {
    const accurateRoute = { names: ['openai/gpt-4o-transcribe', 'alibaba/sensevoice-small'], keepAboveConfidence: 0.9 };
    const market = marketOf(current, () => 'ready', { accurateRoute });
    for (const alias of ['flux-voice', 'flux-voice-accurate']) {
      assert.deepEqual(market.preferred?.get(alias), accurateRoute.names);
    }
    assert.deepEqual([...(market.openings?.keys() ?? [])], ['flux-voice']);
    assert.equal(market.openings?.get('flux-voice')?.keepAboveConfidence, 0.9);
    assert.equal(market.openings?.get('flux-voice')?.modelIds[0], 'local/moonshine-tiny');
    const directory = createModelDirectory(
      () => current,
      () => 'ready',
      limits,
      { accurateRoute },
    );
    assert.equal(directory.find('flux-voice')?.aliasOf?.[0], 'openai/gpt-4o-transcribe');
    assert.ok(directory.find('flux-voice')?.aliasOf?.includes('local/duo-auto'));
    assert.equal(marketOf(current, () => 'ready').preferred?.size, 0);
    const problem = (...names: string[]) => accurateRouteProblem({ names, keepAboveConfidence: 0.9 }, catalogue);
    assert.equal(problem('openai/gone'), "there is no model or alias 'openai/gone'.");
    assert.match(problem('flux-voice') ?? '', /cannot lead to itself/);
    assert.equal(problem('openai/whisper-1', 'akro-v1'), null);
    assert.deepEqual(accurateModels({ ...accurateRoute, names: ['akro-v1'] }, catalogue).slice(0, 1), [
      'local/whisper-large-v3',
    ]);
  });

  it('is the same market for as long as nothing changes, and leaves the one before as it was', () => {
    let state: 'closed' | 'open' = 'closed';
    const breakerOf = () => ({ state, retryAfterMs: state === 'open' ? 500 : 0 });
    const look = () => marketOf(current, (model) => (model.upstream ? 'ready' : 'not-installed'), { breakerOf });
    const before = look();
    assert.equal(look(), before);
    state = 'open';
    const after = look();
    const breakerIn = (market: typeof before) =>
      market.candidates.find((one) => one.card.id === 'openai/whisper-1')?.breaker;
    assert.deepEqual([breakerIn(before), breakerIn(after)], ['closed', 'open']);
    assert.equal(after.candidates[0], before.candidates[0], 'what is not there has no breaker to change');
    state = 'closed';
    assert.deepEqual(look(), before);
  });

  it('asks nobody again while all breakers are closed and the store is as it was', () => {
    let [areAllClosed, looks, now] = [true, 0, current];
    const health = () => {
      looks++;
      return 'ready' as const;
    };
    const market = createMarket(
      () => now,
      health,
      {},
      () => areAllClosed,
    );
    const before = market();
    const looksAtFirst = looks;
    assert.equal(market(), before);
    assert.equal(looks, looksAtFirst);
    areAllClosed = false;
    market();
    assert.ok(looks > looksAtFirst, 'with one open, all are read');
    areAllClosed = true;
    now = { ...current };
    assert.notEqual(market(), before, 'another state of the store is another market');
  });

  it('shows a model whose breaker is not closed as degraded, and its ceilings, price and stand-ins', () => {
    const breakerOf = (providerId: string) =>
      ({ state: providerId === 'openai' ? 'open' : 'closed', retryAfterMs: 1500 }) as const;
    const directory = createModelDirectory(
      () => current,
      () => 'ready',
      limits,
      { breakerOf },
    );
    const whisper = directory.find('openai/whisper-1');
    assert.equal(whisper?.health, 'degraded');
    assert.deepEqual(whisper.fallbacks, ['alibaba/sensevoice-small']);
    assert.deepEqual(whisper.callLimits, { maxUploadBytes: 26_214_400, maxAudioSeconds: null });
    assert.deepEqual(whisper.limits, limits);
    assert.equal(directory.find('openai/gpt-4o-transcribe')?.price.perMillionTokens?.audioUsd, '6.00');
    assert.deepEqual([directory.find('flux-voice')?.health, directory.find('flux-voice')?.isLocal], ['ready', true]);
    const { candidates } = marketOf(current, () => 'ready', { breakerOf });
    const candidate = candidates.find((one) => one.card.id === 'openai/whisper-1');
    assert.deepEqual([candidate?.breaker, candidate?.retryAfterMs], ['open', 1500]);
  });

  it('charges the models that have token prices by tokens', () => {
    const price = pricesOf(catalogue).get('openai/gpt-4o-transcribe');
    assert.ok(price?.tokens);
    const usage = { type: 'tokens', inputTokens: 14, outputTokens: 11, audioTokens: 14, textTokens: 0 } as const;
    assert.equal(chargeFor(price, 1400, usage).costNanos, 194_000n);
  });

  it('never charges nothing for sound under any name of the catalogue', () => {
    for (const [name, price] of pricesOf(catalogue)) {
      const usage = { type: 'tokens', inputTokens: 0, outputTokens: 0, audioTokens: 0, textTokens: 0 } as const;
      assert.ok(chargeFor(price, 1, usage).costNanos > 0n, name);
    }
  });
});
