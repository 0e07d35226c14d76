import type { UsageStore } from '../metering/usage-store.ts';
import { emptyRow, type RowAsk } from './request-row.ts';

/** A request that ended before any money was held for it. */
export interface Refusal extends RowAsk {
  readonly status: number;
  /** null: it was answered with what an earlier request was answered. */
  readonly errorCode: string | null;
  readonly latencyMs: number;
}

/** Writes such a request down, in company: the last second of them may be lost with the process. Never throws. */
export type RecordRefusal = (refusal: Refusal) => void;

export function createRefusals(usage: Pick<UsageStore, 'record'>): RecordRefusal {
  return ({ status, errorCode, latencyMs, ...ask }) => {
    usage.record({ ...emptyRow(ask), status, errorCode, latencyMs: Math.round(latencyMs) });
  };
}
