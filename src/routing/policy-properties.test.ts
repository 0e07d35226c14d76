import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Feature } from '../providers/contract.ts';
import { noAttemptError } from './no-attempt.ts';
import type { Attempt, Candidate, Market, RouteAsk } from './plan.ts';
import { catalogueOrderPolicy, speaks } from './policy.ts';

const modelIds = ['local/a', 'local/b', 'local/c', 'openai/a', 'openai/b', 'groq/c', 'alibaba/d', 'box/e'];
const aliasNames = ['flux-voice', 'house'];
const features: readonly Feature[] = ['transcribe', 'translate', 'word-times'];
const someIds = fc.uniqueArray(fc.constantFrom(...modelIds, 'gone/model'));
const nanos = fc.bigInt({ min: 0n, max: 100n });

function candidateFor(id: string): fc.Arbitrary<Candidate> {
  return fc.record({
    card: fc.record({
      id: fc.constant(id),
      features: fc.subarray([...features]),
      languages: fc.constantFrom(['*'], ['en'], ['en', 'fr'], ['zh', 'ja', 'en']),
      maxDurationMs: fc.option(fc.integer({ min: 1, max: 5000 })),
      maxUploadBytes: fc.option(fc.integer({ min: 1, max: 5000 })),
    }),
    available: fc.boolean(),
    missing: fc.constantFrom([], ['some-artifact']),
    breaker: fc.constantFrom('closed', 'probing', 'open'),
    retryAfterMs: fc.integer({ min: 0, max: 60_000 }),
    nanosPerMinute: nanos,
    maxParallelCalls: fc.integer({ min: 1, max: 8 }),
    snapshots: fc.boolean(),
  });
}

const listsBy = (keys: readonly string[]) =>
  fc
    .tuple(...keys.map((key) => someIds.map((ids) => [key, ids] as const)))
    .map((entries): ReadonlyMap<string, readonly string[]> => new Map(entries));

const market: fc.Arbitrary<Market> = fc.record({
  candidates: fc
    .subarray([...modelIds])
    .chain((ids) => fc.tuple(...ids.map(candidateFor)))
    .map((all): readonly Candidate[] => all),
  aliases: listsBy(aliasNames),
  preferred: listsBy(['flux-voice']),
  fallbacks: listsBy(['openai/a', 'local/a']),
  aliasNanosPerMinute: nanos.map((price) => new Map([['house', price]])),
  openings: fc
    .record({ modelIds: someIds, keepAboveConfidence: fc.constant(0.9), beforeOthersOnly: fc.boolean() })
    .map((opening) => new Map([['flux-voice', opening]])),
});

const ask: fc.Arbitrary<RouteAsk> = fc.record({
  model: fc.constantFrom(...aliasNames, ...modelIds, 'a', 'c', 'openai/a-2025-12-15', 'nothing'),
  language: fc.constantFrom(null, 'en', 'fr', 'tlh'),
  task: fc.constantFrom('transcribe', 'translate'),
  durationMs: fc.integer({ min: 0, max: 10_000 }),
  sizeBytes: fc.integer({ min: 0, max: 10_000 }),
  access: fc.record({
    allowedModels: fc.option(fc.uniqueArray(fc.constantFrom(...aliasNames, ...modelIds))),
    localOnly: fc.boolean(),
    maxNanosPerMinute: fc.option(nanos),
  }),
});

const promise = (holds: (ask: RouteAsk, market: Market) => void) =>
  fc.assert(fc.property(ask, market, holds), { numRuns: 1000 });

/** The candidate of an attempt, which may be pinned to a day. */
function candidateOf({ modelId }: Attempt, { candidates }: Market): Candidate {
  const found = candidates.find(({ card: { id } }) => modelId === id || modelId === `${id}-2025-12-15`);
  assert.ok(found, `${modelId} is no candidate`);
  return found;
}

function everyAttempt(ask: RouteAsk, market: Market): readonly Attempt[] {
  const { opening, attempts } = catalogueOrderPolicy.plan(ask, market);
  return opening ? [opening.attempt, ...attempts] : attempts;
}

describe('catalogueOrderPolicy, for any ask and any market', () => {
  it('gives the same plan for the same ask and market, and changes neither', () => {
    promise((wanted, there) => {
      const before = structuredClone([wanted, there]);
      assert.deepEqual(catalogueOrderPolicy.plan(wanted, there), catalogueOrderPolicy.plan(wanted, there));
      assert.deepEqual(structuredClone([wanted, there]), before);
    });
  });

  it('never tries what the key excludes', () => {
    promise((wanted, there) => {
      for (const attempt of everyAttempt(wanted, there)) {
        const { access } = wanted;
        const { card } = candidateOf(attempt, there);
        if (access?.localOnly) assert.equal(attempt.providerId, 'local');
        const name = catalogueOrderPolicy.plan(wanted, there).resolvedName ?? '';
        if (access?.allowedModels) {
          assert.ok(access.allowedModels.includes(name) || access.allowedModels.includes(wanted.model));
          if (!there.aliases.has(name) && card.id !== name) assert.ok(access.allowedModels.includes(card.id));
        }
        const named = there.candidates.find((one) => one.card.id === name);
        const price = there.aliasNanosPerMinute?.get(name) ?? named?.nanosPerMinute;
        if (access && access.maxNanosPerMinute !== null && price !== undefined) {
          assert.ok(price <= access.maxNanosPerMinute);
        }
      }
    });
  });

  it('never tries what cannot do it, does not speak it, is not there or has failed too often', () => {
    promise((wanted, there) => {
      for (const attempt of everyAttempt(wanted, there)) {
        const { card, available, breaker } = candidateOf(attempt, there);
        assert.ok(available && breaker !== 'open');
        assert.ok(card.features.includes(wanted.task));
        if (wanted.language !== null) assert.ok(speaks(card, wanted.language));
      }
    });
  });

  it('tries every model of the name or says why not, each once', () => {
    promise((wanted, there) => {
      const { resolvedName, attempts, passedOver } = catalogueOrderPolicy.plan(wanted, there);
      if (resolvedName === null) return assert.deepEqual([attempts, passedOver], [[], []]);
      const members = there.aliases.get(resolvedName);
      const expected = members
        ? [...(there.preferred?.get(resolvedName) ?? []), ...members]
        : [resolvedName, ...(there.fallbacks?.get(resolvedName) ?? [])];
      const mentioned = [
        ...attempts.map((attempt) => candidateOf(attempt, there).card.id),
        ...passedOver.map((one) => one.modelId),
      ];
      assert.equal(new Set(mentioned).size, mentioned.length);
      assert.deepEqual(new Set(mentioned), new Set(expected));
    });
  });

  it('keeps the order that was written wherever the language is known', () => {
    promise((wanted, there) => {
      if (wanted.language === null) return;
      const { resolvedName, attempts } = catalogueOrderPolicy.plan(wanted, there);
      if (resolvedName === null) return;
      const order = there.aliases.has(resolvedName)
        ? [...(there.preferred?.get(resolvedName) ?? []), ...(there.aliases.get(resolvedName) ?? [])]
        : [resolvedName, ...(there.fallbacks?.get(resolvedName) ?? [])];
      const places = attempts.map((attempt) => order.indexOf(candidateOf(attempt, there).card.id));
      assert.deepEqual(
        places,
        places.toSorted((left, right) => left - right),
      );
    });
  });

  it('cuts exactly the recordings that are above a ceiling of the model', () => {
    promise((wanted, there) => {
      for (const attempt of everyAttempt(wanted, there)) {
        const { card } = candidateOf(attempt, there);
        const isAbove =
          wanted.durationMs > (card.maxDurationMs ?? Number.POSITIVE_INFINITY) ||
          (wanted.sizeBytes ?? 0) > (card.maxUploadBytes ?? Number.POSITIVE_INFINITY);
        assert.equal(attempt.pieces !== undefined, isAbove);
      }
    });
  });

  it('has an error with a status for every plan without an attempt', () => {
    promise((wanted, there) => {
      const plan = catalogueOrderPolicy.plan(wanted, there);
      if (plan.attempts.length > 0) return;
      assert.equal(plan.opening, undefined);
      const { status, retryAfterSeconds, code } = noAttemptError(wanted, plan, there);
      assert.ok([400, 403, 404, 503].includes(status));
      if (code === 'service_unavailable') assert.ok(retryAfterSeconds !== null && retryAfterSeconds >= 1);
    });
  });
});
