import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { parseDollars } from '../core/money.ts';
import type { Hold, Ledger, Receipt, ReserveAsk, Settlement } from '../metering/ledger.ts';
import { createPriceBook, type Price } from '../metering/price-book.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import type { AttemptRecord } from '../routing/attempts.ts';
import { type ChargeAsk, createCharges, type Payer, type Work } from './charges.ts';

const byLength: Price = { nanosPerMinute: parseDollars('0.10'), minimumMs: 10_000 };
const byTokens: Price = {
  nanosPerMinute: parseDollars('0.006'),
  minimumMs: 0,
  tokens: { audioNanos: parseDollars('6'), textNanos: parseDollars('2.50'), outputNanos: parseDollars('10') },
};
const prices = createPriceBook(
  new Map([
    ['flux-voice', byLength],
    ['openai/gpt-4o-transcribe', byTokens],
  ]),
);

/** A ledger that notes what it is asked, and is away for the next `failures` settlements. */
function scriptedLedger(failures = 0) {
  const noted: {
    reserved: ReserveAsk[];
    settled: Settlement[];
    atOnce: Settlement[];
    voided: (RequestRecord | null)[];
  } = { reserved: [], settled: [], atOnce: [], voided: [] };
  let left = failures;
  const receipt = (chargedNanos: bigint): Receipt => {
    return { state: 'settled', chargedNanos, uncollectedNanos: 0n, balanceNanos: 0n };
  };
  const ledger: Pick<Ledger, 'reserve' | 'settle' | 'void' | 'charge'> = {
    async reserve(ask) {
      noted.reserved.push(ask);
      const hold: Hold = {
        id: 'hold_1',
        accountId: ask.accountId,
        amountNanos: ask.amountNanos,
        state: 'pending',
        // Over: what cannot be settled is not tried again after the test.
        expiresAtMs: 0,
        repeated: false,
      };
      return hold;
    },
    async settle(_hold, settlement) {
      if (left-- > 0) throw new GatewayError('service_unavailable', 'The database is away.');
      noted.settled.push(settlement);
      return receipt(settlement.costNanos);
    },
    async charge(_ask, settlement) {
      noted.atOnce.push(settlement);
      return receipt(settlement.costNanos);
    },
    async void(_hold, record) {
      if (left-- > 0) throw new GatewayError('service_unavailable', 'The database is away.');
      noted.voided.push(record);
      return { ...receipt(0n), state: 'voided' };
    },
  };
  return { ledger, noted };
}

const payer: Payer = {
  accountId: 'acc_1',
  keyId: 'key_1',
  monthlyBudgetNanos: null,
  isUnlimited: false,
  prices: {},
  arrivedAtMs: 1,
};
const ask = (more: Partial<ChargeAsk> = {}): ChargeAsk => ({
  requestId: 'req_1',
  payer,
  task: 'transcribe',
  model: 'flux-voice',
  pricedName: 'flux-voice',
  durationMs: 60_000,
  promptBytes: 0,
  deadlineMs: 90_000,
  ...more,
});
const attempt = (modelId: string, outcome: string, answered = false): AttemptRecord => ({
  modelId,
  providerId: modelId.split('/')[0]!,
  kind: 'first',
  outcome,
  latencyMs: 5,
  calls: 1,
  answered,
});
const work = (...attempts: AttemptRecord[]): Work => ({
  attempts,
  modelId: 'openai/gpt-4o-transcribe',
  providerId: 'openai',
  usage: { type: 'duration', durationMs: 60_000 },
  lengths: { probedMs: 60_000, decodedMs: null, vendorMs: null, disagree: false },
});
const vendorPriceOf = (modelId: string) => (modelId.startsWith('openai/') ? byTokens : null);

function chargesOf(failures = 0) {
  const { ledger, noted } = scriptedLedger(failures);
  return { open: createCharges({ prices, vendorPriceOf, ledger: () => ledger, log: silentLog }), noted };
}

describe('charges', () => {
  it('hold the price of the length, longer than the deadline, and an estimate where tokens count', async () => {
    const { open, noted } = chargesOf();
    await open(ask());
    await open(ask({ pricedName: 'openai/gpt-4o-transcribe', promptBytes: 400 }));
    assert.deepEqual(
      noted.reserved.map(({ amountNanos }) => amountNanos),
      [parseDollars('0.10'), parseDollars('0.013')],
    );
    assert.ok(noted.reserved.every(({ ttlMs }) => ttlMs > 90_000));
  });

  it('take the price of the name that was asked for, and write down what each answer of a vendor cost', async () => {
    const { open, noted } = chargesOf();
    const charge = await open(ask());
    const attempts = [
      attempt('openai/gpt-4o-transcribe', 'bad_output:empty'),
      attempt('local/moonshine-tiny', 'unsure'),
      attempt('openai/gpt-4o-transcribe', 'timeout'),
      attempt('openai/gpt-4o-transcribe', 'ok', true),
    ];
    const charged = await charge.settle(work(...attempts));
    assert.deepEqual(charged, { billedMs: 60_000, costNanos: parseDollars('0.10') });
    // Twice, for two answers; a timeout is none, and our own models cost nobody anything.
    assert.equal(noted.settled[0]?.providerCostNanos, parseDollars('0.012'));
    assert.equal(noted.settled[0]?.record?.attempts.length, 4);
  });

  it('give everything back for failed work, and still write down what a vendor takes for an answer', async () => {
    const { open, noted } = chargesOf();
    const error = new GatewayError('bad_gateway', 'Nonsense.');
    const failure = { error, answered: null, deliveredMs: 0 };
    await (await open(ask())).fail({ ...failure, attempts: [attempt('openai/gpt-4o-transcribe', 'timeout')] });
    assert.deepEqual([noted.voided.length, noted.settled.length], [1, 0]);
    assert.deepEqual([noted.voided[0]?.status, noted.voided[0]?.errorCode], [502, 'bad_gateway']);
    const attempts = [attempt('openai/gpt-4o-transcribe', 'bad_output:empty')];
    await (await open(ask())).fail({ ...failure, attempts });
    const [settled] = noted.settled;
    assert.deepEqual([settled?.costNanos, settled?.providerCostNanos], [0n, parseDollars('0.006')]);
  });

  it('take the price of the sound whose text a caller has, who left a stream', async () => {
    const { open, noted } = chargesOf();
    const error = new GatewayError('client_closed_request', 'Left.');
    await (await open(ask())).fail({ error, attempts: [], answered: null, deliveredMs: 30_000 });
    assert.equal(noted.settled[0]?.costNanos, parseDollars('0.05'));
    assert.deepEqual([noted.settled[0]?.record?.audioMs, noted.settled[0]?.record?.status], [30_000, 499]);
  });

  it('are settled after a moment in which the database was away, and give the answer where it stays away', async () => {
    const back = chargesOf(2);
    const charged = { billedMs: 60_000, costNanos: parseDollars('0.10') };
    assert.deepEqual(await (await back.open(ask())).settle(work()), charged);
    assert.equal(back.noted.settled.length, 1);
    const away = chargesOf(100);
    assert.deepEqual(await (await away.open(ask())).settle(work()), charged);
    assert.equal(away.noted.settled.length, 0);
    const error = new GatewayError('bad_gateway', 'Nonsense.');
    await (await away.open(ask())).fail({ error, attempts: [], answered: null, deliveredMs: 0 });
  });

  it('are written in one step for an account that is never refused, unless its key has a budget', async () => {
    const { open, noted } = chargesOf();
    const unlimited = { ...payer, isUnlimited: true };
    await (await open(ask({ payer: unlimited }))).settle(work());
    assert.deepEqual([noted.reserved.length, noted.settled.length], [0, 0]);
    assert.equal(noted.atOnce[0]?.costNanos, parseDollars('0.10'));
    await open(ask({ payer: { ...unlimited, monthlyBudgetNanos: 1n } }));
    assert.equal(noted.reserved.length, 1);
  });

  it('are written once for the work of two requests, of which one died', async () => {
    const repeated = async (earlier: readonly Receipt['state'][]) => {
      const { ledger, noted } = scriptedLedger();
      const ends = [...earlier];
      const reserve: Ledger['reserve'] = async (asked) => {
        return { ...(await ledger.reserve(asked)), repeated: ends.length > 0 };
      };
      const giveBack: Ledger['void'] = async (hold, record) => {
        const state = ends.shift();
        if (!state) return ledger.void(hold, record);
        return { state, chargedNanos: state === 'settled' ? 7n : 0n, uncollectedNanos: 0n, balanceNanos: 0n };
      };
      const asLedger = { ...ledger, reserve, void: giveBack };
      const open = createCharges({ prices, ledger: () => asLedger, log: silentLog });
      const isUnlimited = true;
      const charge = await open(ask({ chargeKey: 'req_0', payer: { ...payer, isUnlimited } }));
      return { charged: await charge.settle(work()), noted, keys: noted.reserved.map(({ chargeKey }) => chargeKey) };
    };
    const anew = await repeated(['voided', 'expired']);
    assert.deepEqual(anew.keys, ['req_0', 'req_0/2', 'req_0/3']);
    assert.deepEqual([anew.charged.costNanos, anew.noted.settled.length], [parseDollars('0.10'), 1]);
    const paid = await repeated(['expired', 'settled']);
    assert.deepEqual([paid.charged.costNanos, paid.noted.settled.length], [7n, 0]);
    assert.deepEqual([paid.noted.atOnce[0]?.costNanos, paid.noted.atOnce[0]?.record?.billedMs], [0n, 0]);
  });

  it('are only said where nobody pays', async () => {
    const { open, noted } = chargesOf();
    const charged = await (await open(ask({ payer: null }))).settle(work());
    assert.deepEqual([charged.costNanos, noted.reserved.length], [parseDollars('0.10'), 0]);
  });
});
