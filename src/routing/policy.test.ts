import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelCard } from '../providers/contract.ts';
import { noAttemptError } from './no-attempt.ts';
import type { Market, RouteAsk } from './plan.ts';
import { catalogueOrderPolicy } from './policy.ts';

function card(id: string, more: Partial<ModelCard> = {}): ModelCard {
  return { id, features: ['transcribe'], languages: ['en'], maxDurationMs: null, maxUploadBytes: null, ...more };
}

const tiny = { card: card('local/moonshine-tiny'), available: true, missing: [] };
const many = {
  card: card('local/whisper-base', { languages: ['en', 'fr'], features: ['transcribe', 'translate'] }),
  available: false,
  missing: ['whisper-base'],
};
const market: Market = {
  candidates: [tiny, many],
  aliases: new Map([
    ['flux-voice', ['local/moonshine-tiny']],
    ['flux-any', ['local/whisper-base', 'local/moonshine-tiny']],
  ]),
};
const ask = (more: Partial<RouteAsk> = {}): RouteAsk => ({
  model: 'flux-voice',
  language: null,
  task: 'transcribe',
  durationMs: 1000,
  ...more,
});
const plan = (more: Partial<RouteAsk> = {}) => catalogueOrderPolicy.plan(ask(more), market);
const refusal = (more: Partial<RouteAsk>, on: Market = market) =>
  noAttemptError(ask(more), catalogueOrderPolicy.plan(ask(more), on), on);

describe('catalogueOrderPolicy', () => {
  it('resolves an alias, a full name and a bare name to the same model', () => {
    for (const model of ['flux-voice', 'local/moonshine-tiny', 'moonshine-tiny']) {
      assert.deepEqual(plan({ model }).attempts, [{ modelId: 'local/moonshine-tiny', providerId: 'local' }]);
    }
  });

  it('prices under the name that was resolved: an alias under its own', () => {
    assert.equal(plan().resolvedName, 'flux-voice');
    assert.equal(plan({ model: 'moonshine-tiny' }).resolvedName, 'local/moonshine-tiny');
  });

  it('passes over what is not installed and says why', () => {
    const { attempts, passedOver } = plan({ model: 'flux-any' });
    assert.deepEqual(
      attempts.map((one) => one.modelId),
      ['local/moonshine-tiny'],
    );
    assert.deepEqual(passedOver, [{ modelId: 'local/whisper-base', why: 'not-available' }]);
  });

  it('gives the same plan for the same market', () => {
    assert.deepEqual(plan({ model: 'flux-any' }), plan({ model: 'flux-any' }));
  });

  it('takes a model of many languages first when no language is named, and the best in order when one is', () => {
    const both: Market = { ...market, candidates: [tiny, { ...many, available: true, missing: [] }] };
    const order = (language: string | null) =>
      catalogueOrderPolicy.plan(ask({ model: 'flux-tiny', language }), {
        ...both,
        aliases: new Map([['flux-tiny', ['local/moonshine-tiny', 'local/whisper-base']]]),
      }).attempts;
    assert.deepEqual(
      order(null).map((one) => one.modelId),
      ['local/whisper-base', 'local/moonshine-tiny'],
    );
    assert.deepEqual(
      order('en').map((one) => one.modelId),
      ['local/moonshine-tiny', 'local/whisper-base'],
    );
  });
});

describe('catalogueOrderPolicy with upstream models', () => {
  const whisper = {
    card: card('openai/whisper-1', { languages: ['*'], maxUploadBytes: 100 }),
    available: false,
    missing: [],
    providerId: 'openai',
  };
  const azure = { card: card('azure/whisper-1'), available: true, missing: [], providerId: 'azure' };
  const mini = { card: card('openai/mini'), available: true, missing: [], providerId: 'openai', snapshots: true };
  const sense = { card: card('alibaba/sense'), available: true, missing: [], providerId: 'siliconflow' };
  const upstream: Market = { candidates: [tiny, whisper, azure, mini, sense], aliases: new Map() };
  const attemptsFor = (more: Partial<RouteAsk>, on: Market = upstream) =>
    catalogueOrderPolicy.plan(ask(more), on).attempts;

  it('asks whoever serves the model, whatever its name begins with', () => {
    assert.deepEqual(attemptsFor({ model: 'alibaba/sense' }), [
      { modelId: 'alibaba/sense', providerId: 'siliconflow' },
    ]);
  });

  it('takes a bare name that several have for the first that is switched on, and never for two of them', () => {
    const both = { ...upstream, candidates: upstream.candidates.map((one) => ({ ...one, available: true })) };
    assert.deepEqual(attemptsFor({ model: 'whisper-1' }), [{ modelId: 'azure/whisper-1', providerId: 'azure' }]);
    assert.deepEqual(attemptsFor({ model: 'whisper-1' }, both), [
      { modelId: 'openai/whisper-1', providerId: 'openai' },
    ]);
  });

  it('passes a pinned name on and prices it as the model, where the model has snapshots', () => {
    for (const model of ['openai/mini-2025-12-15', 'mini-2025-12-15']) {
      const { attempts, resolvedName } = catalogueOrderPolicy.plan(ask({ model }), upstream);
      assert.deepEqual(attempts, [{ modelId: 'openai/mini-2025-12-15', providerId: 'openai' }]);
      assert.equal(resolvedName, 'openai/mini');
    }
    for (const model of ['alibaba/sense-2025-12-15', 'openai/mini-2025', 'openai/gone-2025-12-15']) {
      assert.equal(catalogueOrderPolicy.plan(ask({ model }), upstream).resolvedName, null);
    }
  });

  it('says which provider is not switched on, and that an upload is too large for one that is', () => {
    assert.match(refusal({ model: 'openai/whisper-1' }, upstream).message, /provider 'openai' is not switched on/);
    const on = { ...upstream, candidates: [{ ...whisper, available: true }] };
    assert.equal(attemptsFor({ model: 'whisper-1', sizeBytes: 100 }, on).length, 1);
    const error = refusal({ model: 'whisper-1', sizeBytes: 101 }, on);
    assert.deepEqual([error.code, error.param], ['payload_too_large', 'file']);
  });
});

describe('noAttemptError', () => {
  it('is model_not_found for a name that nothing has', () => {
    const error = refusal({ model: 'gpt-9' });
    assert.deepEqual([error.code, error.status, error.param], ['model_not_found', 404, 'model']);
  });

  it('names the model to pull when nobody installed speaks the language', () => {
    const error = refusal({ language: 'fr' });
    assert.deepEqual([error.code, error.param], ['unsupported_language', 'language']);
    assert.match(error.message, /fluxscribe models pull whisper-base/);
  });

  it('names only what is missing of a model that needs two', () => {
    const duo = { card: card('local/duo', { languages: ['en', 'fr'] }), available: false, missing: ['whisper-base'] };
    const error = refusal({ language: 'fr' }, { ...market, candidates: [tiny, duo] });
    assert.match(error.message, /fluxscribe models pull whisper-base$/);
  });

  it('says so when no model that is known speaks the language', () => {
    const error = refusal({ language: 'tlh' });
    assert.equal(error.code, 'unsupported_language');
    assert.match(error.message, /No model in the catalogue can/);
  });

  it('refuses a translation that nothing installed can make', () => {
    const error = refusal({ task: 'translate' });
    assert.deepEqual([error.code, error.status], ['unsupported_value', 400]);
    assert.match(error.message, /whisper-base/);
  });

  it('tells how to install the model that was named', () => {
    const error = refusal({ model: 'whisper-base' });
    assert.deepEqual([error.code, error.status], ['no_model_installed', 503]);
    assert.match(error.message, /models pull whisper-base/);
  });
});
