import { UsageError } from '../usage-error.ts';
import type { AdminClient, Row } from './admin-client.ts';
import { limitOf, requireChange } from './remote-options.ts';
import { type Columns, showRow, showRows } from './show-rows.ts';

const columns: Columns = {
  id: 'ID',
  name: 'NAME',
  transcription: 'TRANSCRIPTION',
  billing: 'BILLING',
  allowed_models: 'MODELS',
  max_upload_mb: 'UPLOAD MB',
  requests_per_minute: 'REQUESTS/MIN',
  audio_seconds_per_minute: 'AUDIO S/MIN',
  max_concurrent: 'AT ONCE',
  prices: 'PRICES',
};

/** What of a plan is set; `none` takes a limit away. */
export interface PlanOptions {
  readonly name?: string;
  readonly transcription?: boolean;
  readonly billing?: string;
  readonly models?: readonly string[] | 'none';
  readonly maxUploadMb?: number | 'none';
  readonly requestsPerMinute?: number | 'none';
  readonly audioSecondsPerMinute?: number | 'none';
  readonly maxConcurrent?: number | 'none';
  readonly maxLiveStreams?: number | 'none';
  /** `MODEL=DOLLARS`, or `MODEL=DOLLARS,SECONDS` with a minimum. */
  readonly price?: readonly string[];
}

export function listPlans(client: AdminClient, asJson: boolean): Promise<void> {
  return showRows(client.whole('/api/plans'), columns, asJson);
}

export async function showPlan(client: AdminClient, id: string, asJson: boolean): Promise<void> {
  showRow(await client.call('GET', planPath(id)), asJson);
}

export async function createPlan(
  client: AdminClient,
  id: string,
  options: PlanOptions,
  asJson: boolean,
): Promise<void> {
  showRow(await client.call('POST', '/api/plans', { id, ...settingsOf(options), name: options.name ?? id }), asJson);
}

export async function changePlan(
  client: AdminClient,
  id: string,
  options: PlanOptions,
  asJson: boolean,
): Promise<void> {
  showRow(
    await client.call(
      'PATCH',
      planPath(id),
      requireChange(settingsOf(options), '--requests-per-minute 60 or --models none'),
    ),
    asJson,
  );
}

/** Throws UsageError for a price that is written otherwise. */
function settingsOf(options: PlanOptions): Row {
  return {
    name: options.name,
    transcription: options.transcription,
    billing: options.billing,
    allowed_models: limitOf(options.models),
    max_upload_mb: limitOf(options.maxUploadMb),
    requests_per_minute: limitOf(options.requestsPerMinute),
    audio_seconds_per_minute: limitOf(options.audioSecondsPerMinute),
    max_concurrent: limitOf(options.maxConcurrent),
    max_live_streams: limitOf(options.maxLiveStreams),
    prices: options.price && Object.fromEntries(options.price.map(priceOf)),
  };
}

function priceOf(text: string): [string, Row] {
  const match = /^(?<model>[^=]+)=(?<dollars>[\d.]+)(,(?<seconds>\d+(\.\d+)?))?$/.exec(text);
  const { model, dollars, seconds } = match?.groups ?? {};
  if (!model || !dollars) {
    throw new UsageError(`Not a price: ${text.slice(0, 200)}. Write MODEL=DOLLARS or MODEL=DOLLARS,MINIMUM-SECONDS.`);
  }
  return [model, { per_minute_usd: dollars, ...(seconds !== undefined && { minimum_seconds: Number(seconds) }) }];
}

function planPath(id: string): string {
  return `/api/plans/${encodeURIComponent(id)}`;
}
