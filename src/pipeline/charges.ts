import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Nanos } from '../core/money.ts';
import { unpinnedName } from '../core/pinned-name.ts';
import type { Usage } from '../core/usage.ts';
import type { Hold, Ledger, Receipt, ReserveAsk, Settlement } from '../metering/ledger.ts';
import { ceilingFor, chargeFor, ownKeyPrice, type Price, type PriceBook } from '../metering/price-book.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import type { AttemptRecord } from '../routing/attempts.ts';
import type { KnownLengths } from './known-lengths.ts';
import { attemptRows, emptyRow, tokenCounts } from './request-row.ts';
import { type KeptHold, settleSurely } from './settle-surely.ts';

/** Who pays for a request. */
export interface Payer {
  readonly accountId: string;
  readonly keyId: string;
  /** null: the key has no budget. */
  readonly monthlyBudgetNanos: Nanos | null;
  /** The wallet is never refused: nothing has to be held in it. */
  readonly isUnlimited: boolean;
  /** By model or alias: what the account's plan sets over the catalogue's prices. */
  readonly prices: Readonly<Record<string, Pick<Price, 'nanosPerMinute' | 'minimumMs'>>>;
  /** When the request came, in milliseconds since the Unix epoch. */
  readonly arrivedAtMs: number;
  /** Called once money is held: from then on the request's row is written with the end of its hold. */
  readonly onHeld?: () => void;
}

export interface ChargeAsk {
  readonly requestId: string;
  /** What the work is charged as, once, whichever request does it; left out: `requestId`. */
  readonly chargeKey?: string;
  readonly payer: Payer | null;
  readonly task: 'transcribe' | 'translate';
  /** As the caller wrote it. */
  readonly model: string;
  /** The name whose price counts: what the caller's resolved to. */
  readonly pricedName: string;
  readonly durationMs: number;
  readonly promptBytes: number;
  /** The request's own deadline. */
  readonly deadlineMs: number;
  /** Only keys of the account's own will be used: nothing of it is at our price. */
  readonly isOwnAlone?: boolean;
}

/** What came of the work. */
export interface Work {
  readonly attempts: readonly AttemptRecord[];
  /** The model that answered, as a full id, and who served it. */
  readonly modelId: string;
  readonly providerId: string;
  readonly usage: Usage;
  readonly lengths: KnownLengths;
  /** It was done with the account's own key. */
  readonly ownKey?: true;
}

/** How the work failed. */
export interface Failure {
  readonly error: GatewayError;
  readonly attempts: readonly AttemptRecord[];
  /** The answer that was there and did not reach the caller; null: none. */
  readonly answered: Work | null;
  /** The sound whose text the caller had got in a stream before leaving it; 0: none. */
  readonly deliveredMs: number;
}

export interface Charged {
  readonly billedMs: number;
  readonly costNanos: Nanos;
}

/** One request's money, held. Exactly one of the two ends it. */
export interface OpenCharge {
  /** Takes what the work cost, and gives what was really taken. Never rejects for a database that is away. */
  settle(work: Work): Promise<Charged>;
  /** Gives everything back but for text that the caller has. Never rejects. */
  fail(failure: Failure): Promise<void>;
}

type ChargingLedger = Pick<Ledger, 'reserve' | 'settle' | 'void' | 'charge'>;

export interface ChargesParts {
  readonly prices: PriceBook;
  /** What a vendor takes from the operator for a model of this id; null: it is our own. Left out: all are. */
  readonly vendorPriceOf?: (modelId: string) => Price | null;
  /** null while there is none yet; left out: nobody pays, as on the command line. */
  readonly ledger?: () => ChargingLedger | null;
  readonly log: Log;
}

/** Opens a charge before the first upstream byte. Rejects as `Ledger.reserve` does. */
export type OpenChargeFor = (ask: ChargeAsk) => Promise<OpenCharge>;

/**
 * A hold lives this much longer than the deadline of its request, so that only a dead process leaves one: the end of the
 * work after the deadline takes seconds, and the ledger's own statements at most thirty.
 */
const holdMarginMs = 120_000;

export function createCharges(parts: ChargesParts): OpenChargeFor {
  return async (ask) => {
    const { payer } = ask;
    const price = priceFor(parts.prices, ask);
    // A plan's price is ours, too: what a vendor is paid for by the account itself has the catalogue's own rate.
    const ownPrice = ownKeyPrice(parts.prices.priceOf(ask.pricedName));
    if (!payer || !parts.ledger) return uncharged(price, ask);
    const ledger = parts.ledger();
    if (!ledger) throw new GatewayError('service_unavailable', 'The database is not open.', { retryAfterSeconds: 1 });
    const startedAt = performance.now();
    const { requestId, durationMs, promptBytes } = ask;
    const amountNanos = ask.isOwnAlone
      ? chargeFor(ownPrice, durationMs).costNanos
      : ceilingFor(price, durationMs, promptBytes);
    const ends = await heldFor(ledger, ask, payer, amountNanos);
    payer.onHeld?.();
    const kept: KeptHold = { ...ends, log: parts.log, requestId };
    const rowOf = (more: Partial<RequestRecord>): RequestRecord => ({
      ...emptyRow({ ...ask, payer }),
      probedMs: durationMs,
      latencyMs: Math.round(performance.now() - startedAt),
      ...more,
    });
    return {
      async settle(work) {
        const charge = chargeOf(work.ownKey ? ownPrice : price, ask, work);
        const providerCostNanos = vendorCost(parts, ask, work.attempts, work);
        const record = rowOf({ ...workColumns(work), status: 200, audioMs: durationMs, ...charge, providerCostNanos });
        const receipt = await settleSurely(kept, { costNanos: charge.costNanos, providerCostNanos, record });
        return { billedMs: charge.billedMs, costNanos: receipt?.chargedNanos ?? charge.costNanos };
      },
      async fail({ error, attempts, answered, deliveredMs }) {
        const delivered = Math.min(deliveredMs, durationMs);
        const isOwn = ask.isOwnAlone === true || attempts.at(-1)?.ownKey === true;
        const charge = delivered > 0 ? chargeFor(isOwn ? ownPrice : price, delivered) : { billedMs: 0, costNanos: 0n };
        const providerCostNanos = vendorCost(parts, ask, attempts, answered);
        const record = rowOf({
          ...(answered ? workColumns(answered) : { attempts: attemptRows(attempts), byok: isOwn }),
          status: error.status,
          errorCode: error.code,
          audioMs: delivered,
          ...charge,
          providerCostNanos,
        });
        await giveBack(kept, { costNanos: charge.costNanos, providerCostNanos, record });
      },
    };
  };
}

/** Holds the money. An account that is never refused, by a key without a budget, is charged in one step at the end. */
async function heldFor(
  ledger: ChargingLedger,
  { requestId, chargeKey = requestId, deadlineMs }: ChargeAsk,
  { accountId, keyId, monthlyBudgetNanos, isUnlimited }: Payer,
  amountNanos: Nanos,
): Promise<Pick<KeptHold, 'expiresAtMs' | 'settle' | 'giveBackAll'>> {
  const work = { accountId, chargeKey: requestId, requestId };
  const ttlMs = deadlineMs + holdMarginMs;
  if (isUnlimited && monthlyBudgetNanos === null && chargeKey === requestId) {
    return {
      expiresAtMs: Date.now() + ttlMs,
      settle: (settlement) => ledger.charge(work, settlement),
      giveBackAll: (record) => ledger.charge(work, { costNanos: 0n, providerCostNanos: 0n, record }),
    };
  }
  const key = { id: keyId, budgetNanos: monthlyBudgetNanos };
  const { hold, chargedNanos } = await reserveOnce(ledger, { ...work, chargeKey, amountNanos, ttlMs, key });
  if (chargedNanos !== null) {
    // A row for this request, too, whose work was paid with the earlier one.
    const settle = async ({ providerCostNanos, record }: Settlement): Promise<Receipt> => {
      const free = record && { ...record, billedMs: 0, costNanos: 0n };
      const receipt = await ledger.charge(work, { costNanos: 0n, providerCostNanos, record: free });
      return { ...receipt, chargedNanos };
    };
    const giveBackAll = (record: RequestRecord) => settle({ costNanos: 0n, providerCostNanos: 0n, record });
    return { expiresAtMs: Date.now() + ttlMs, settle, giveBackAll };
  }
  return {
    expiresAtMs: hold.expiresAtMs,
    settle: (settlement) => ledger.settle(hold, settlement),
    giveBackAll: (record) => ledger.void(hold, record),
  };
}

/**
 * Holds money for work that an earlier request may have held it for, and been charged or died. `chargedNanos`: it was
 * charged, and the work is not again. What is only held still is given back first: should that request live after all,
 * it can no longer be charged beside this one.
 */
async function reserveOnce(
  ledger: ChargingLedger,
  ask: ReserveAsk,
): Promise<{ readonly hold: Hold; readonly chargedNanos: Nanos | null }> {
  for (let turn = 1; ; turn++) {
    const chargeKey = turn === 1 ? ask.chargeKey : `${ask.chargeKey}/${turn}`;
    const hold = await ledger.reserve({ ...ask, chargeKey });
    if (!hold.repeated) return { hold, chargedNanos: null };
    const { state, chargedNanos } = await ledger.void(hold, null);
    if (state === 'settled' && chargedNanos > 0n) return { hold, chargedNanos };
  }
}

/** A plan's own price goes over the catalogue's; routing has held it against the key's ceiling. */
function priceFor(prices: PriceBook, { payer, pricedName }: ChargeAsk): Price {
  const ofPlan = payer && Object.hasOwn(payer.prices, pricedName) ? payer.prices[pricedName] : undefined;
  return ofPlan ?? prices.priceOf(pricedName);
}

/** Nobody pays: only what it would cost is said. */
function uncharged(price: Price, ask: ChargeAsk): OpenCharge {
  return { settle: async (work) => chargeOf(price, ask, work), fail: async () => undefined };
}

/** By the length; another model's tokens are other tokens, and not charged at this one's rates. */
function chargeOf(price: Price, { pricedName, durationMs }: ChargeAsk, { modelId, usage }: Work): Charged {
  const counted = [modelId, unpinnedName(modelId)].includes(pricedName) ? usage : null;
  return chargeFor(price, durationMs, counted);
}

/** Answers that a vendor gave are to be paid by the operator, whatever became of them, but for those on an own key. */
function vendorCost(
  { vendorPriceOf }: ChargesParts,
  { durationMs }: ChargeAsk,
  attempts: readonly AttemptRecord[],
  answered: Work | null,
): Nanos {
  const costs = attempts.filter(wasAnswered).map(({ modelId, answered: isTheAnswer }) => {
    const price = vendorPriceOf?.(modelId) ?? vendorPriceOf?.(unpinnedName(modelId) ?? modelId);
    return price ? chargeFor(price, durationMs, isTheAnswer && answered ? answered.usage : null).costNanos : 0n;
  });
  return costs.reduce((sum, cost) => sum + cost, 0n);
}

function wasAnswered({ outcome, ownKey }: AttemptRecord): boolean {
  if (ownKey) return false;
  return outcome === 'ok' || outcome === 'unsure' || outcome.startsWith('bad_output');
}

function workColumns({ attempts, modelId, providerId, usage, lengths, ownKey }: Work): Partial<RequestRecord> {
  return {
    routedModel: modelId,
    provider: providerId,
    byok: ownKey === true,
    ...tokenCounts(usage),
    decodedMs: lengths.decodedMs,
    vendorMs: lengths.vendorMs,
    lengthsDisagree: lengths.disagree,
    attempts: attemptRows(attempts),
  };
}

/** A settlement with its row. */
type Ended = Settlement & { readonly record: RequestRecord };

/** What fails here ends by itself when the hold expires: nothing is taken, and only the row is lost. */
async function giveBack({ settle, giveBackAll, log, requestId }: KeptHold, end: Ended): Promise<Receipt | null> {
  try {
    const isFree = end.costNanos === 0n && end.providerCostNanos === 0n;
    return await (isFree ? giveBackAll(end.record) : settle(end));
  } catch (thrown) {
    log.warn({ err: thrown, requestId }, 'a hold could not be given back; it expires by itself');
    return null;
  }
}
