import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelCard } from '../providers/contract.ts';
import { noAttemptError } from './no-attempt.ts';
import type { Market, RouteAccess, RouteAsk } from './plan.ts';
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

  describe('of a name that an alias stands in for', () => {
    const standIns = new Map([
      ['whisper-1', 'flux-voice'],
      ['mini', 'flux-voice'],
      ['unheard-of', 'flux-voice'],
    ]);
    const off = upstream.candidates.map((one) => ({ ...one, available: one === tiny }));
    const plain: Market = { ...market, candidates: off, standIns };
    const resolved = (more: Partial<RouteAsk>, on: Market = plain) =>
      catalogueOrderPolicy.plan(ask(more), on).resolvedName;
    const keyFor = (...allowedModels: string[]) => ({ allowedModels, localOnly: false, maxNanosPerMinute: null });

    it('asks the alias, at its price, where nobody has the name switched on', () => {
      for (const model of ['whisper-1', 'mini', 'mini-2025-12-15', 'unheard-of']) {
        assert.equal(resolved({ model }), 'flux-voice');
        assert.deepEqual(attemptsFor({ model }, plain), [{ modelId: 'local/moonshine-tiny', providerId: 'local' }]);
      }
    });

    it('asks the vendor where one is switched on, by the operator or with a key of the account', () => {
      assert.equal(resolved({ model: 'whisper-1' }, { ...plain, candidates: upstream.candidates }), 'azure/whisper-1');
      const own = { providerIds: new Set(['openai']), isAlone: false };
      assert.equal(resolved({ model: 'whisper-1', own }), 'openai/whisper-1');
    });

    it('knows no day of a model that has none, whoever is switched on', () => {
      for (const on of [plain, { ...plain, candidates: upstream.candidates }]) {
        assert.equal(resolved({ model: 'whisper-1-2025-12-15' }, on), null);
      }
    });

    it("asks the model's own chain first where somebody of that is there", () => {
      const chain: Market = {
        ...plain,
        candidates: off.map((one) => ({ ...one, available: one.available || one.card.id === 'alibaba/sense' })),
        fallbacks: new Map([['openai/whisper-1', ['alibaba/sense']]]),
      };
      assert.deepEqual(attemptsFor({ model: 'whisper-1' }, chain), [
        { modelId: 'alibaba/sense', providerId: 'siliconflow' },
      ]);
    });

    it('leaves alone who says which provider is meant', () => {
      assert.equal(resolved({ model: 'openai/whisper-1' }), 'openai/whisper-1');
      assert.match(refusal({ model: 'openai/whisper-1' }, plain).message, /'openai' is not switched on/);
    });

    it('does so for no key that is bound to other names', () => {
      assert.equal(resolved({ model: 'whisper-1', access: keyFor('openai/whisper-1') }), 'openai/whisper-1');
      for (const name of ['flux-voice', 'whisper-1']) {
        assert.equal(attemptsFor({ model: 'whisper-1', access: keyFor(name) }, plain).length, 1, name);
      }
    });
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

  it('says which provider is not switched on', () => {
    assert.match(refusal({ model: 'openai/whisper-1' }, upstream).message, /provider 'openai' is not switched on/);
  });

  it('cuts a recording that is too long or too large for one call, and nothing else', () => {
    const pieces = (more: Partial<RouteAsk>, about: Partial<Market['candidates'][number]> = {}) => {
      const limited = { ...whisper, available: true, card: { ...whisper.card, maxDurationMs: 60_000 }, ...about };
      return attemptsFor({ model: 'whisper-1', ...more }, { ...upstream, candidates: [limited] })[0]?.pieces;
    };
    const limits = { maxDurationMs: 60_000, maxUploadBytes: 100, maxParallelCalls: 1 };
    assert.equal(pieces({ sizeBytes: 100, durationMs: 60_000 }), undefined);
    assert.deepEqual(pieces({ sizeBytes: 101 }), limits);
    assert.deepEqual(pieces({ durationMs: 60_001 }, { maxParallelCalls: 8 }), { ...limits, maxParallelCalls: 8 });
    assert.deepEqual(pieces({ durationMs: 60_001, task: 'translate' }), undefined);
  });

  it('lets others stand in for a model in the order of its chain, the model itself always first', () => {
    const chain: Market = {
      ...upstream,
      candidates: upstream.candidates.map((one) => ({ ...one, available: true })),
      fallbacks: new Map([['alibaba/sense', ['local/moonshine-tiny', 'openai/whisper-1', 'alibaba/sense']]]),
    };
    assert.deepEqual(
      attemptsFor({ model: 'alibaba/sense' }, chain).map((one) => one.modelId),
      // The one that knows English alone goes last where nobody says what is spoken.
      ['alibaba/sense', 'openai/whisper-1', 'local/moonshine-tiny'],
    );
    assert.deepEqual(
      attemptsFor({ model: 'alibaba/sense', language: 'en' }, chain).map((one) => one.modelId),
      ['alibaba/sense', 'local/moonshine-tiny', 'openai/whisper-1'],
    );
  });
});

describe('catalogueOrderPolicy and what a key allows', () => {
  const priced = (nanosPerMinute: bigint) => ({ nanosPerMinute, available: true, missing: [] });
  const both: Market = {
    candidates: [
      { card: card('local/moonshine-tiny'), ...priced(100n) },
      { card: card('openai/whisper-1', { languages: ['*'] }), ...priced(6n) },
    ],
    aliases: new Map([['house', ['local/moonshine-tiny', 'openai/whisper-1']]]),
    aliasNanosPerMinute: new Map([['house', 50n]]),
    fallbacks: new Map([['openai/whisper-1', ['local/moonshine-tiny']]]),
  };
  const everything: RouteAccess = { allowedModels: null, localOnly: false, maxNanosPerMinute: null };
  const planFor = (model: string, access: Partial<RouteAccess>) =>
    catalogueOrderPolicy.plan(ask({ model, language: 'en', access: { ...everything, ...access } }), both);
  const refusalFor = (model: string, access: Partial<RouteAccess>) =>
    refusal({ model, language: 'en', access: { ...everything, ...access } }, both);
  const ids = (model: string, access: Partial<RouteAccess>) =>
    planFor(model, access).attempts.map((one) => one.modelId);

  it('allows the models behind an alias of the list, and no stand-in that is not in it', () => {
    assert.deepEqual(ids('house', { allowedModels: ['house'] }), ['local/moonshine-tiny', 'openai/whisper-1']);
    assert.deepEqual(ids('local/moonshine-tiny', { allowedModels: ['house'] }), []);
    assert.deepEqual(ids('house', { allowedModels: ['local/moonshine-tiny'] }), []);
    assert.deepEqual(ids('whisper-1', { allowedModels: ['whisper-1'] }), ['openai/whisper-1']);
    const error = refusalFor('house', { allowedModels: ['openai/whisper-1'] });
    assert.deepEqual([error.code, error.status, error.param], ['model_not_allowed', 403, 'model']);
  });

  it('lets nothing leave the machine for a key that says so', () => {
    const plan = planFor('house', { localOnly: true });
    assert.deepEqual(plan.attempts, [{ modelId: 'local/moonshine-tiny', providerId: 'local' }]);
    assert.deepEqual(plan.passedOver, [{ modelId: 'openai/whisper-1', why: 'leaves-machine' }]);
    assert.match(
      refusalFor('openai/whisper-1', { localOnly: true, allowedModels: ['openai/whisper-1'] }).message,
      /leave/,
    );
  });

  it('holds what a minute may cost against the price of the name that was asked for', () => {
    assert.equal(ids('house', { maxNanosPerMinute: 50n }).length, 2);
    assert.equal(ids('house', { maxNanosPerMinute: 49n }).length, 0);
    // The dearer model stands in at the price of the one that was named.
    assert.equal(ids('openai/whisper-1', { maxNanosPerMinute: 6n }).length, 2);
    assert.match(refusalFor('openai/whisper-1', { maxNanosPerMinute: 5n }).message, /\$0\.000000005 a minute/);
    // The plan's own price is the price.
    const prices = (nanosPerMinute: bigint) => ({ house: { nanosPerMinute, minimumMs: 0 } });
    assert.equal(ids('house', { maxNanosPerMinute: 49n, prices: prices(49n) }).length, 2);
    assert.equal(ids('house', { maxNanosPerMinute: 50n, prices: prices(51n) }).length, 0);
  });
});

describe('catalogueOrderPolicy and failing models', () => {
  const from = (breakers: readonly Partial<Market['candidates'][number]>[]): Market => ({
    candidates: breakers.map((one, index) => ({ card: card(`vendor/${index}`), available: true, missing: [], ...one })),
    aliases: new Map([['all', breakers.map((_, index) => `vendor/${index}`)]]),
  });

  it('passes over an open breaker and leaves a probing one in its place', () => {
    const { attempts, passedOver } = catalogueOrderPolicy.plan(
      ask({ model: 'all' }),
      from([{ breaker: 'open' }, { breaker: 'probing' }, { breaker: 'closed' }]),
    );
    assert.deepEqual(
      attempts.map((one) => one.modelId),
      ['vendor/1', 'vendor/2'],
    );
    assert.deepEqual(passedOver, [{ modelId: 'vendor/0', why: 'breaker-open' }]);
  });

  it('says when to come back where every breaker is open', () => {
    const open = (retryAfterMs: number) => ({ breaker: 'open' as const, retryAfterMs });
    const error = refusal({ model: 'all' }, from([open(9000), open(2500), { available: false }]));
    assert.deepEqual([error.code, error.status, error.retryAfterSeconds], ['service_unavailable', 503, 3]);
    assert.equal(refusal({ model: 'all' }, from([{ breaker: 'open' }])).retryAfterSeconds, 30);
  });
});

describe('catalogueOrderPolicy and a first pass', () => {
  const ready = { available: true, missing: [] };
  const route: Market = {
    candidates: [
      { card: card('local/duo'), ...ready },
      { card: card('local/tiny'), ...ready },
      { card: card('vendor/best', { languages: ['*'], features: ['transcribe', 'translate'] }), ...ready },
    ],
    aliases: new Map([['flux-voice', ['local/duo']]]),
    preferred: new Map([['flux-voice', ['vendor/best']]]),
    openings: new Map([
      ['flux-voice', { modelIds: ['local/tiny', 'local/duo'], keepAboveConfidence: 0.9, beforeOthersOnly: true }],
    ]),
  };
  const planOf = (more: Partial<RouteAsk>, on: Market = route) => catalogueOrderPolicy.plan(ask(more), on);

  it("puts the operator's models before ours and the first cheap one that can before them all", () => {
    const { opening, attempts } = planOf({});
    assert.deepEqual(opening, {
      attempt: { modelId: 'local/tiny', providerId: 'local' },
      keepAboveConfidence: 0.9,
    });
    assert.deepEqual(
      attempts.map((one) => one.modelId),
      ['vendor/best', 'local/duo'],
    );
  });

  it('has none for a translation, for a language that it does not know, and where all stays on this machine', () => {
    assert.equal(planOf({ task: 'translate' }).opening, undefined);
    assert.equal(planOf({ language: 'fr' }).opening, undefined);
    const access = { allowedModels: null, localOnly: true, maxNanosPerMinute: null };
    assert.equal(planOf({ access }).opening, undefined);
    const broken = route.candidates.map((one) =>
      one.card.id === 'vendor/best' ? { ...one, breaker: 'open' as const } : one,
    );
    assert.equal(planOf({}, { ...route, candidates: broken }).opening, undefined);
  });

  it('has one before models of this machine where the alias wants it so, but never before itself', () => {
    const [name, opening] = [...route.openings!][0]!;
    const local = {
      ...route,
      preferred: new Map(),
      openings: new Map([[name, { ...opening, beforeOthersOnly: false }]]),
    };
    assert.equal(planOf({}, local).opening?.attempt.modelId, 'local/tiny');
    const itself = new Map([[name, { ...opening, modelIds: ['local/duo'], beforeOthersOnly: false }]]);
    assert.equal(planOf({}, { ...local, openings: itself }).opening, undefined);
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
