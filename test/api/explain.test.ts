import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { createModelDirectory } from '../../src/compose-model-directory.ts';
import { type MarketSurroundings, marketOf, pricesOf } from '../../src/compose-models.ts';
import { createPriceBook } from '../../src/metering/price-book.ts';
import { createExplainRoute } from '../../src/pipeline/explain-route.ts';
import { catalogueOrderPolicy } from '../../src/routing/policy.ts';
import { boundedKey, frugalKey, goodKey, startTestGateway } from '../helpers/test-gateway.ts';

const catalogue = loadCatalogue(null);
const current = { catalogue, installed: new Set(['moonshine-tiny', 'silero-vad']) };
const ready = new Set(['local/moonshine-tiny', 'openai/whisper-1', 'openai/gpt-4o-transcribe']);
const health = ({ id }: { readonly id: string }) => (ready.has(id) ? 'ready' : 'not-installed');

/** The catalogue that ships, with one embedded model and two of a vendor. */
async function start(context: TestContext, surroundings: MarketSurroundings = {}) {
  const explainRoute = createExplainRoute({
    policy: catalogueOrderPolicy,
    market: () => marketOf(current, health, surroundings),
    prices: createPriceBook(pricesOf(catalogue)),
  });
  const limits = { maxUploadBytes: 33_554_432, maxAudioSeconds: 14_400 };
  const models = createModelDirectory(() => current, health, limits, surroundings);
  const { url } = await startTestGateway(context, { explainRoute, models });
  return async (query: string, key: string | null = goodKey) => {
    const headers = key === null ? undefined : { authorization: `Bearer ${key}` };
    const reply = await fetch(`${url}/api/routes/explain${query}`, headers && { headers });
    return { status: reply.status, body: JSON.parse(await reply.text()) };
  };
}

describe('GET /api/routes/explain', () => {
  it('explains the default model, and wants a key', async (context) => {
    const explain = await start(context);
    assert.equal((await explain('', null)).status, 401);
    const { status, body } = await explain('');
    assert.equal(status, 200);
    assert.deepEqual(body.pricing, { per_minute_usd: '0.100000000', minimum_seconds: 10, by_tokens: false });
    assert.deepEqual(
      [body.object, body.model, body.opening, body.error],
      ['route_explanation', 'flux-voice', null, null],
    );
    assert.deepEqual(body.attempts, [
      {
        provider: 'local',
        model: 'local/moonshine-tiny',
        why: "The first model of 'flux-voice' that can do it.",
        adds: [],
        breaker: 'closed',
        own_price_per_minute_usd: '0.100000000',
        pieces: null,
      },
    ]);
    assert.ok(body.rejected.length >= 10);
    const duo = body.rejected.find((one: { model: string }) => one.model === 'local/duo-auto');
    assert.deepEqual(duo, {
      provider: 'local',
      model: 'local/duo-auto',
      why: 'It is not installed: fluxscribe models pull whisper-base',
      code: 'not-available',
      retry_after_seconds: null,
    });
  });

  it("tells the pieces of a long recording, and the first pass before the operator's accurate route", async (context) => {
    const accurateRoute = { names: ['openai/gpt-4o-transcribe', 'openai/whisper-1'], keepAboveConfidence: 0.955 };
    const explain = await start(context, { accurateRoute });
    const { body } = await explain(
      '?model=flux-voice&seconds=3600&bytes=30000000&language=English&response_format=srt',
    );
    assert.deepEqual(
      [body.opening.model, body.opening.keep_above_confidence, body.opening.pieces],
      ['local/moonshine-tiny', 0.955, null],
    );
    assert.deepEqual(
      body.attempts.map((one: { model: string }) => one.model),
      ['openai/gpt-4o-transcribe', 'openai/whisper-1', 'local/moonshine-tiny'],
    );
    assert.deepEqual(body.attempts[0].adds, ['word-times', 'segment-times']);
    assert.equal(body.attempts[1].why, 'Asked where those before it fail.');
    assert.deepEqual(body.attempts[0].pieces, {
      max_seconds: 1400,
      max_upload_bytes: 26_214_400,
      max_parallel_calls: 4,
    });
    const accurate = (await explain('?model=flux-voice-accurate')).body;
    assert.deepEqual([accurate.opening, accurate.attempts[0].model], [null, 'openai/gpt-4o-transcribe']);
    const local = (await explain('?model=flux-voice', frugalKey)).body;
    assert.deepEqual([local.opening, local.attempts], [null, []]);
    assert.equal(local.error.code, 'model_not_allowed');
  });

  it('explains what the key of the request may do, and what it would be answered', async (context) => {
    const explain = await start(context);
    const { status, body } = await explain('?model=openai/whisper-1', boundedKey);
    assert.deepEqual([status, body.attempts, body.error.status], [200, [], 403]);
    const tokens = (await explain('?model=gpt-4o-transcribe-2025-12-15')).body;
    assert.deepEqual([tokens.resolved_name, tokens.pricing.by_tokens], ['openai/gpt-4o-transcribe', true]);
    assert.equal(tokens.attempts[0].model, 'openai/gpt-4o-transcribe-2025-12-15');
    assert.equal(tokens.attempts[0].why, 'The model that was asked for.');
  });

  it('refuses names that nothing has and values that make no sense', async (context) => {
    const explain = await start(context);
    assert.deepEqual(
      [(await explain('?model=gone')).status, (await explain('?model=gone')).body.error.code],
      [404, 'model_not_found'],
    );
    for (const query of [
      '?task=sing',
      '?seconds=-1',
      '?seconds=forever',
      '?bytes=0.5',
      '?response_format=pdf',
      '?language=klingonish',
      '?modle=x',
    ]) {
      const { status, body } = await explain(query);
      assert.deepEqual([status, body.error.code], [400, 'invalid_value'], query);
    }
  });
});
