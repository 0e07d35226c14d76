import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDollars, parseDollars } from '../../src/core/money.ts';
import { answerJson, stall } from '../helpers/fake-vendor.ts';
import { checkBooks } from '../helpers/ledger-books.ts';
import { operatorKey, type PayingGateway, startPayingGateway } from '../helpers/paying-gateway.ts';
import { longSpeechWav, speech } from '../helpers/speech.ts';

/** 6.21 s at ten cents a minute. */
const price = '0.010350000';
const good = answerJson({ text: speech.text });

describe('accounts, by the whole gateway', () => {
  let test: PayingGateway;
  before(async () => {
    test = await startPayingGateway();
  });
  after(() => test?.close());

  const row = async (accountId: string) => {
    const { usage } = test.gateway.accounts;
    const none = { fromMs: null, toMs: null, keyId: null, model: null, provider: null, failedOnly: false };
    // Money is free again as soon as that is decided; the row is there once the disk has it.
    for (;;) {
      await usage.flush();
      const { items } = await usage.list({ ...none, accountId }, { limit: 1, cursor: null });
      if (items[0]) return items[0];
      await sleep(5);
    }
  };

  describe('a request and its money', () => {
    const entries = async (accountId: string) =>
      (await test.gateway.accounts.ledger.entries(accountId, { limit: 50, cursor: null })).items;

    it('is charged the same in the header, the row and the ledger, and its vendor is paid by the operator', async () => {
      test.vendor.behave(good);
      const { id, key } = await test.account('1');
      const answer = await test.ask(key);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('x-flux-cost-usd'), price);
      const kept = await row(id);
      assert.deepEqual(
        [kept.status, kept.model, kept.routedModel, kept.provider, kept.audioMs, kept.probedMs],
        [200, 'house', 'openai/whisper-1', 'openai', 6210, 6210],
      );
      assert.equal(formatDollars(kept.costNanos), price);
      // Whisper's list price: 0.6 cents a minute.
      assert.equal(formatDollars(kept.providerCostNanos), '0.000621000');
      assert.equal(kept.attempts.length, 1);
      const [charge] = await entries(id);
      assert.deepEqual([charge?.kind, charge?.amountNanos, charge?.requestId], ['charge', -kept.costNanos, kept.id]);
      assert.deepEqual(await test.wallet(id), { balance: parseDollars('1') - kept.costNanos, held: 0n });
      const sides = await checkBooks(test.gateway.accounts.database, [id]);
      assert.equal(sides.get('provider_cost'), -kept.providerCostNanos);
    });

    it('is served exactly as often as its wallet can pay, however many come at once', async () => {
      test.vendor.behave(async (request, response) => {
        await sleep(50);
        await good(request, response);
      });
      const { id, key } = await test.account(formatDollars(4n * parseDollars(price) + 1n));
      const answers = await Promise.all(Array.from({ length: 12 }, () => test.ask(key)));
      assert.equal(answers.filter(({ status }) => status === 200).length, 4);
      const refused = answers.filter(({ status }) => status !== 200);
      assert.deepEqual(
        [...new Set(refused.map(({ status, code }) => `${status} ${code}`))],
        ['402 insufficient_credits'],
      );
      assert.deepEqual(await test.wallet(id), { balance: 1n, held: 0n });
      await checkBooks(test.gateway.accounts.database, [id]);
      const { items } = await test.gateway.accounts.usage.list(
        { fromMs: null, toMs: null, accountId: id, keyId: null, model: null, provider: null, failedOnly: true },
        { limit: 50, cursor: null },
      );
      await test.gateway.accounts.usage.flush();
      assert.ok(items.every((one) => one.costNanos === 0n));
    });

    it('costs nothing when it fails', async () => {
      test.vendor.behave(answerJson({ error: { message: 'no' } }, 400));
      const { id, key } = await test.account('1');
      const before = test.vendor.requests.length;
      const answer = await test.ask(key, { model: 'vendor-only' });
      assert.ok(answer.status >= 400, String(answer.status));
      assert.ok(test.vendor.requests.length > before);
      assert.deepEqual(await test.wallet(id), { balance: parseDollars('1'), held: 0n });
      const kept = await row(id);
      assert.deepEqual([kept.status, kept.errorCode, kept.costNanos], [answer.status, answer.code, 0n]);
      assert.equal(kept.attempts[0]?.model, 'openai/whisper-1');
    });

    it('is billed by our own length where the vendor claims another, and the row says that they disagree', async () => {
      test.vendor.behave(answerJson({ text: speech.text, duration: 62.1 }));
      const { id, key } = await test.account('1');
      assert.equal((await test.ask(key)).headers.get('x-flux-cost-usd'), price);
      const kept = await row(id);
      assert.deepEqual([kept.vendorMs, kept.probedMs, kept.lengthsDisagree], [62_100, 6210, true]);
      const at = { fromMs: kept.atMs, toMs: kept.atMs + 1 };
      const [sum] = await test.gateway.accounts.usage.reconcile({ ...at, toleranceMs: 1500 });
      assert.deepEqual([sum?.provider, sum?.vendorMs, sum?.disagreements], ['openai', 62_100, 1]);
    });

    it('is billed once when another model has to answer', async () => {
      test.vendor.behave(answerJson({ error: { message: 'busy' } }, 500));
      const { id, key } = await test.account('1');
      const answer = await test.ask(key);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
      const charges = (await entries(id)).filter(({ kind }) => kind === 'charge');
      assert.deepEqual(
        charges.map(({ amountNanos }) => amountNanos),
        [-parseDollars(price)],
      );
      const kept = await row(id);
      assert.deepEqual([kept.attempts.length, kept.providerCostNanos], [2, 0n]);
    });

    it('costs nothing when its caller leaves before the answer', async () => {
      test.vendor.behave(stall);
      const { id, key } = await test.account('1');
      const leave = new AbortController();
      const count = test.vendor.requests.length;
      const asked = test.ask(key, {}, { signal: leave.signal });
      await test.vendor.arrived(count);
      assert.equal((await test.wallet(id)).held, parseDollars(price));
      leave.abort();
      await assert.rejects(asked);
      while ((await test.wallet(id)).held > 0n) await sleep(5);
      assert.equal((await test.wallet(id)).balance, parseDollars('1'));
      const kept = await row(id);
      assert.deepEqual([kept.status, kept.errorCode, kept.costNanos], [499, 'client_closed_request', 0n]);
    });

    it('pays for the text that it was given when its caller leaves a stream in the middle', async () => {
      const { id, key } = await test.account('1');
      const form = new FormData();
      form.append('model', 'local/moonshine-tiny');
      form.append('stream', 'true');
      form.append('file', new Blob([longSpeechWav(600)]), 'speech.wav');
      const leave = new AbortController();
      const response = await fetch(`${test.url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: form,
        signal: leave.signal,
      });
      assert.ok(response.body);
      for await (const piece of response.body) {
        if (Buffer.from(piece).includes('transcript.text.')) break;
      }
      leave.abort();
      while ((await test.wallet(id)).held > 0n) await sleep(5);
      const kept = await row(id);
      assert.deepEqual([kept.status, kept.errorCode], [499, 'client_closed_request']);
      assert.ok(kept.audioMs > 0 && kept.audioMs < 600_000, `${kept.audioMs} ms`);
      assert.ok(kept.costNanos > 0n);
      assert.equal((await test.wallet(id)).balance, parseDollars('1') - kept.costNanos);
      await checkBooks(test.gateway.accounts.database, [id]);
    });

    it('is refused with 429 when the budget of its key cannot pay, and never reaches a vendor', async () => {
      test.vendor.behave(good);
      const { id, key } = await test.account('1', { monthlyBudgetNanos: parseDollars(price) });
      assert.equal((await test.ask(key)).status, 200);
      const count = test.vendor.requests.length;
      const refused = await test.ask(key);
      assert.deepEqual([refused.status, refused.code], [429, 'budget_exhausted']);
      assert.equal(test.vendor.requests.length, count);
      const kept = await row(id);
      assert.deepEqual([kept.status, kept.errorCode, kept.model], [429, 'budget_exhausted', 'house']);
    });

    it('is written down for the operator, whose wallet is never empty', async () => {
      test.vendor.behave(good);
      assert.equal((await test.ask(operatorKey)).status, 200);
      const kept = await row('acc_operator');
      assert.deepEqual([kept.keyId, formatDollars(kept.costNanos)], ['admin-setting', price]);
      assert.ok((await test.wallet('acc_operator')).balance < 0n);
    });

    it('has the prices of its plan over those of the catalogue', async () => {
      test.vendor.behave(good);
      const plan = await test.gateway.accounts.plans.find('payg');
      assert.ok(plan);
      const { builtIn: _, ...rest } = plan;
      const prices = { house: { nanosPerMinute: parseDollars('0.20'), minimumMs: 60_000, liveNanosPerMinute: null } };
      await test.gateway.accounts.plans.create({ ...rest, id: 'gold', prices, allowedModels: ['house'] });
      const { key } = await test.account('1', {}, 'gold');
      const answer = await test.ask(key);
      assert.deepEqual(
        [answer.headers.get('x-flux-cost-usd'), answer.headers.get('x-flux-billed-seconds')],
        ['0.200000000', '60'],
      );
      const refused = await test.ask(key, { model: 'vendor-only' });
      assert.deepEqual([refused.status, refused.code], [403, 'model_not_allowed']);

      const get = async (path: string) =>
        (await (await fetch(`${test.url}${path}`, { headers: { authorization: `Bearer ${key}` } })).json()) as {
          pricing: object;
        };
      const shown = { per_minute_usd: '0.200000000', minimum_seconds: 60 };
      assert.deepEqual((await get('/v1/models/house')).pricing, { ...shown, per_million_tokens: null });
      assert.deepEqual((await get('/api/routes/explain?model=house')).pricing, { ...shown, by_tokens: false });
    });

    it("holds the plan's price against what the key may spend on a minute", async () => {
      test.vendor.behave(good);
      for (const [most, status] of [
        ['0.20', 200],
        ['0.19', 403],
      ] as const) {
        const { id, key } = await test.account('1', { maxPriceNanosPerMinute: parseDollars(most) }, 'gold');
        const answer = await test.ask(key);
        assert.deepEqual([answer.status, answer.code], [status, status === 403 ? 'model_not_allowed' : null], most);
        if (status === 403) assert.deepEqual(await test.wallet(id), { balance: 1_000_000_000n, held: 0n });
      }
    });
  });

  describe('who may transcribe', () => {
    it('is told what is missing before any audio costs anything: a key, a scope, a plan, an active account', async () => {
      const { accounts, keys } = test.gateway.accounts;
      const { id, key } = await test.account('1');
      const outcome = async (one: string) => {
        const { status, code } = await test.ask(one);
        return [status, code];
      };
      assert.deepEqual(await outcome(key), [200, null]);
      assert.deepEqual(await outcome('flux_nobody'), [401, 'invalid_api_key']);
      const { key: live } = await test.account('1', { scopes: ['live'] });
      assert.deepEqual(await outcome(live), [403, 'permission_denied']);
      const { key: expired } = await test.account('1', { expiresAt: new Date(Date.now() - 1000) });
      assert.deepEqual(await outcome(expired), [401, 'invalid_api_key']);
      const { key: free } = await test.account('0', {}, 'free');
      assert.deepEqual(await outcome(free), [402, 'premium_locked']);
      await accounts.update(id, { status: 'suspended' });
      assert.deepEqual(await outcome(key), [403, 'account_suspended']);
      await accounts.update(id, { status: 'active' });
      assert.deepEqual(await outcome(key), [200, null]);
      const [record] = (await keys.list(id, { limit: 1, cursor: null })).items;
      await keys.revoke(id, record!.id);
      assert.deepEqual(await outcome(key), [401, 'invalid_api_key']);
    });

    it('may send no more than the plan takes', async () => {
      const plan = await test.gateway.accounts.plans.find('payg');
      const { builtIn: _, ...rest } = plan!;
      await test.gateway.accounts.plans.create({ ...rest, id: 'small', maxUploadBytes: 1000 });
      const { key } = await test.account('1', {}, 'small');
      const answer = await test.ask(key);
      assert.deepEqual([answer.status, answer.code], [413, 'payload_too_large']);
      const model = await fetch(`${test.url}/v1/models/house`, { headers: { authorization: `Bearer ${key}` } });
      const { limits } = (await model.json()) as { limits: { max_upload_bytes: number } };
      assert.equal(limits.max_upload_bytes, 1000);
    });

    it('sees in /readyz that the database is there', async () => {
      const body = (await (await fetch(`${test.url}/readyz`)).json()) as { checks: Record<string, string> };
      assert.deepEqual(body.checks, { engine: 'ok', database: 'ok' });
    });
  });

  describe('an Idempotency-Key', () => {
    const headers = (key: string) => ({ 'idempotency-key': key });

    it('gives the first answer again, says so, and charges once', async () => {
      const { id, key } = await test.account('1');
      const first = await test.ask(key, {}, { headers: headers('one') });
      assert.equal(first.headers.get('idempotent-replayed'), null);
      const count = test.vendor.requests.length;
      const again = await test.ask(key, {}, { headers: headers('one') });
      assert.deepEqual([again.status, again.text], [200, first.text]);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal(again.headers.get('x-flux-cost-usd'), first.headers.get('x-flux-cost-usd'));
      assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
      assert.equal(test.vendor.requests.length, count);
      assert.equal((await test.wallet(id)).balance, parseDollars('1') - parseDollars(price));
      const replayed = await row(id);
      assert.deepEqual([replayed.id, replayed.status], [again.headers.get('x-request-id'), 200]);
      assert.deepEqual([replayed.costNanos, replayed.billedMs, replayed.errorCode], [0n, 0, null]);
      const other = await test.ask((await test.account('1')).key, {}, { headers: headers('one') });
      assert.equal(other.headers.get('idempotent-replayed'), null, 'keys of one account say nothing to another');
    });

    it('gives a stream again, too', async () => {
      const { id, key } = await test.account('1');
      const first = await test.ask(key, { stream: 'true' }, { headers: headers('stream') });
      assert.match(first.text, /\[DONE\]/);
      const again = await test.ask(key, { stream: 'true' }, { headers: headers('stream') });
      assert.equal(again.text, first.text);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal((await test.wallet(id)).balance, parseDollars('1') - parseDollars(price));
    });

    it('is refused by name for another request, and while the first is in work', async () => {
      const { key } = await test.account('1');
      test.vendor.behave(async (request, response) => {
        await sleep(200);
        await good(request, response);
      });
      const count = test.vendor.requests.length;
      const first = test.ask(key, {}, { headers: headers('two') });
      await test.vendor.arrived(count);
      const running = await test.ask(key, {}, { headers: headers('two') });
      assert.deepEqual(
        [running.status, running.code, running.headers.get('retry-after')],
        [409, 'idempotency_in_progress', '2'],
      );
      assert.equal((await first).status, 200);
      const other = await test.ask(key, { prompt: 'something else' }, { headers: headers('two') });
      assert.deepEqual([other.status, other.code], [422, 'idempotency_key_reused']);
    });

    it('is free again after a failure and after its caller has left', async () => {
      const { id, key } = await test.account('1');
      test.vendor.behave(answerJson({ error: { message: 'no' } }, 400));
      assert.ok((await test.ask(key, { model: 'vendor-only' }, { headers: headers('three') })).status >= 400);
      test.vendor.behave(stall);
      const leave = new AbortController();
      const count = test.vendor.requests.length;
      const asked = test.ask(key, { model: 'vendor-only' }, { headers: headers('three'), signal: leave.signal });
      await test.vendor.arrived(count);
      leave.abort();
      await assert.rejects(asked);
      while ((await test.wallet(id)).held > 0n) await sleep(5);
      test.vendor.behave(good);
      let answer = await test.ask(key, { model: 'vendor-only' }, { headers: headers('three') });
      while (answer.code === 'idempotency_in_progress') {
        await sleep(5);
        answer = await test.ask(key, { model: 'vendor-only' }, { headers: headers('three') });
      }
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('idempotent-replayed'), null);
      assert.equal((await test.wallet(id)).balance, parseDollars('1') - parseDollars(price));
    });
  });
});
