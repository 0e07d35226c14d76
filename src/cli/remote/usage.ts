import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdminClient, Query } from './admin-client.ts';
import { type Columns, showRows } from './show-rows.ts';

export interface UsageOptions {
  readonly groupBy: string;
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly keyId?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly csv?: boolean;
}

const sums: Columns = {
  requests: 'REQUESTS',
  errors: 'ERRORS',
  audio_seconds: 'AUDIO S',
  billed_seconds: 'BILLED S',
  cost_usd: 'COST USD',
  provider_cost_usd: 'VENDORS USD',
};

/** Sums of what was asked: a table, one JSON object a line, or the server's CSV file. */
export async function showUsage(client: AdminClient, options: UsageOptions, asJson: boolean): Promise<void> {
  const query: Query = {
    group_by: options.groupBy,
    from: options.from,
    to: options.to,
    account_id: options.account,
    key_id: options.keyId,
    model: options.model,
    provider: options.provider,
  };
  if (options.csv) {
    const file = await client.file('/api/usage', { ...query, format: 'csv' });
    await pipeline(Readable.fromWeb(file), process.stdout, { end: false });
    return;
  }
  const groups = options.groupBy.split(',').map((group) => [group, group.toUpperCase()]);
  await showRows(client.pages('/api/usage', query), { ...Object.fromEntries(groups), ...sums }, asJson);
}

const lengths: Columns = {
  provider: 'PROVIDER',
  routed_model: 'MODEL',
  requests: 'REQUESTS',
  audio_seconds: 'AUDIO S',
  billed_seconds: 'BILLED S',
  probed_seconds: 'PROBED S',
  decoded_requests: 'DECODED',
  decoded_seconds: 'DECODED S',
  vendor_requests: 'BY VENDOR',
  vendor_seconds: 'VENDOR S',
  audio_seconds_of_vendor_requests: 'OURS S',
  disagreements: 'DISAGREE',
};

export interface ReconcileOptions {
  readonly from?: string;
  readonly to?: string;
  readonly tolerance?: string;
}

/** Billed lengths beside probed, decoded and vendor-reported ones. */
export async function reconcileUsage(client: AdminClient, options: ReconcileOptions, asJson: boolean): Promise<void> {
  const query = { from: options.from, to: options.to, tolerance_seconds: options.tolerance };
  await showRows(client.whole('/api/usage/reconcile', query), lengths, asJson);
}
