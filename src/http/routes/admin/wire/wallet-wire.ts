import { z } from 'zod';
import { formatDollars } from '../../../../core/money.ts';
import type { Credit, LedgerEntry, TopUp, Wallet } from '../../../../metering/ledger.ts';
import { dollarsOut, momentOut, opaqueId, positiveDollars, text } from './fields.ts';

export const walletBody = z
  .object({
    balance_usd: dollarsOut,
    held_usd: dollarsOut.describe('Kept ready for requests in work.'),
    available_usd: dollarsOut.describe('The balance without what is held.'),
    auto_topup: z
      .null()
      .describe('Always null: nothing tops up by itself, because the server knows no payment provider.'),
    unlimited: z.boolean().describe('Never refused: a balance below zero is the price of what was used.'),
  })
  .meta({ id: 'Wallet' });

const credit = {
  amount_usd: positiveDollars,
  reference: text()
    .optional()
    .describe('Your own name for it, such as the payment. Used twice for one account, it credits once.'),
  memo: text().optional(),
};

export const newTopUp = z.strictObject(credit).meta({ example: { amount_usd: '50', reference: 'invoice-2026-114' } });
export const newGrant = z.strictObject(credit).meta({ example: { amount_usd: '5', memo: 'welcome' } });

export const newRefund = z
  .strictObject({ request_id: opaqueId, reason: text().optional() })
  .meta({ example: { request_id: 'req_a1b2c3', reason: 'wrong language' } });

export const creditBody = z
  .object({
    credited_usd: dollarsOut,
    fee_usd: dollarsOut,
    charged_usd: dollarsOut.describe('What the customer pays: credited and fee.'),
    balance_usd: dollarsOut,
    repeated: z.boolean().describe('It was done before; nothing moved this time.'),
  })
  .meta({ id: 'Credit' });

export const ledgerEntryBody = z
  .object({
    id: opaqueId,
    at: momentOut,
    kind: z.enum(['charge', 'topup', 'grant', 'refund', 'write_off']),
    amount_usd: dollarsOut.describe('Negative for charges; all entries sum up to the balance.'),
    balance_usd: dollarsOut.describe('After it.'),
    request_id: z.string().optional(),
    reference: z.string().optional(),
    memo: z.string().optional(),
  })
  .meta({ id: 'LedgerEntry' });

export function walletToWire(wallet: Wallet): z.infer<typeof walletBody> {
  return {
    balance_usd: formatDollars(wallet.balanceNanos),
    held_usd: formatDollars(wallet.heldNanos),
    available_usd: formatDollars(wallet.availableNanos),
    auto_topup: null,
    unlimited: wallet.unlimited,
  };
}

/** Grants and refunds have no fee, and nobody pays for them. */
export function creditToWire(outcome: TopUp | Credit): z.infer<typeof creditBody> {
  const { feeNanos, chargedNanos } = 'feeNanos' in outcome ? outcome : { feeNanos: 0n, chargedNanos: 0n };
  return {
    credited_usd: formatDollars(outcome.creditedNanos),
    fee_usd: formatDollars(feeNanos),
    charged_usd: formatDollars(chargedNanos),
    balance_usd: formatDollars(outcome.balanceNanos),
    repeated: outcome.repeated,
  };
}

export function entryToWire(entry: LedgerEntry): z.infer<typeof ledgerEntryBody> {
  return {
    id: entry.id,
    at: entry.at.toISOString(),
    kind: entry.kind,
    amount_usd: formatDollars(entry.amountNanos),
    balance_usd: formatDollars(entry.balanceNanos),
    ...(entry.requestId !== null && { request_id: entry.requestId }),
    ...(entry.reference !== null && { reference: entry.reference }),
    ...(entry.memo !== null && { memo: entry.memo }),
  };
}
