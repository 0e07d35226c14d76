import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtInCatalogueFile, loadCatalogue } from './catalogue/load-catalogue.ts';
import type { ModelHealth } from './compose-models.ts';
import { watchProviders } from './compose-provider-status.ts';
import type { AttemptRecord } from './routing/attempt-record.ts';
import type { AttemptObserver } from './routing/attempts-parts.ts';
import { createBreakers } from './routing/breakers.ts';

const catalogue = loadCatalogue(builtInCatalogueFile);
/** The embedded engine's models and those of one vendor. */
const health: ModelHealth = (model) =>
  !model.upstream || model.upstream.provider === 'openai' ? 'ready' : 'not-installed';

function watched(modelHealth: ModelHealth = health) {
  const breakers = createBreakers({ failures: 2, openMs: 10_000, maxOpenMs: 10_000 });
  const observers: AttemptObserver[] = [];
  const statuses = watchProviders({
    models: () => ({ catalogue, installed: new Set() }),
    health: modelHealth,
    routing: {
      attempts: { run: () => Promise.reject(new Error('Nothing is asked here.')), stateOf: breakers.stateOf },
      observe: (observer) => void observers.push(observer),
    },
    embeddedId: 'local',
  });
  const ended = (more: Partial<AttemptRecord>) => {
    const record = {
      modelId: 'openai/whisper-1',
      providerId: 'openai',
      kind: 'first',
      calls: 1,
      answered: true,
    } as const;
    for (const one of observers) one.attemptEnded({ ...record, outcome: 'ok', latencyMs: 100, ...more });
  };
  const provider = (id: string) => statuses().find((one) => one.id === id);
  const whisper = () => provider('openai')?.models.find((model) => model.id === 'openai/whisper-1');
  return { breakers, ended, provider, statuses, whisper };
}

describe('what is told of providers', () => {
  it('lists the embedded engine and the vendors that are switched on, without attempts at first', () => {
    const { statuses, whisper } = watched();
    assert.deepEqual(
      statuses().map((one) => [one.id, one.health]),
      [
        ['local', 'ready'],
        ['openai', 'ready'],
      ],
    );
    assert.deepEqual(whisper(), { id: 'openai/whisper-1', breaker: 'closed', retryAfterMs: null, recent: null });
  });

  it('counts the latest hundred attempts, and no fault of callers, hedges or accounts’ own keys', () => {
    const { ended, whisper } = watched();
    for (let count = 0; count < 50; count++) ended({ outcome: 'timeout', latencyMs: 9_000 });
    for (let count = 0; count < 79; count++) ended({ latencyMs: 200 });
    ended({ outcome: 'audio_unreadable', latencyMs: 200 });
    for (const outcome of ['cancelled', 'breaker_open']) ended({ outcome });
    ended({ outcome: 'provider_key_refused', ownKey: true });
    assert.deepEqual(whisper()?.recent, { attempts: 100, errorShare: 0.2, medianLatencyMs: 200 });
  });

  it('counts a model that is pinned to a day as the model', () => {
    const { ended, whisper } = watched();
    ended({ modelId: 'openai/whisper-1-2025-12-15' });
    assert.equal(whisper()?.recent?.attempts, 1);
  });

  it('is degraded where one breaker is open, and unavailable where it cannot be asked', () => {
    const { breakers, provider, whisper } = watched();
    for (let count = 0; count < 5; count++) breakers.enter('openai', 'openai/whisper-1')?.settle('bad');
    assert.equal(provider('openai')?.health, 'degraded');
    assert.equal(whisper()?.breaker, 'open');
    assert.ok(Number(whisper()?.retryAfterMs) > 0);
    const broken = watched((model) => (model.upstream?.provider === 'openai' ? 'unavailable' : health(model)));
    assert.equal(broken.provider('openai')?.health, 'unavailable');
  });
});
