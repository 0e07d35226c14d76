import type { Authenticator } from '../auth/authenticator.ts';
import type { Log } from '../core/log.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { LoadSignal } from '../limits/overload.ts';
import type { ExplainRoute } from '../pipeline/explain-route.ts';
import type { AccountKeysOf } from '../pipeline/own-keys.ts';
import type { RecordRefusal } from '../pipeline/refusals.ts';
import type { TranscribeFile } from '../pipeline/transcribe-file.ts';
import type { AdminParts } from './admin-parts.ts';
import type { HttpLimits } from './http-limits.ts';
import type { HttpMetrics } from './http-metrics.ts';
import type { ReplyKeeper } from './keep-replies.ts';
import type { ModelDepot } from './model-depot.ts';
import type { ModelDirectory } from './model-directory.ts';

/** How the gateway is, right now. */
export interface HealthSnapshot {
  /** Whether a request would be served: `/readyz` is 200 then, otherwise 503. */
  readonly ready: boolean;
  /** Name → `ok` or a short reason in constant words; shown by `/readyz`, so nothing private. */
  readonly checks: Readonly<Record<string, string>>;
}

/** Everything that the HTTP door stands on. It reads no environment, keeps no global and opens no port. */
export interface HttpParts {
  readonly transcribe: TranscribeFile;
  /** Left out: what no money was held for is not written down. */
  readonly recordRefusal?: RecordRefusal;
  /** Left out: `Idempotency-Key` is not looked at. */
  readonly replies?: ReplyKeeper;
  readonly explainRoute: ExplainRoute;
  readonly models: ModelDirectory;
  readonly modelDepot: ModelDepot;
  readonly auth: Authenticator;
  readonly limits: HttpLimits;
  /** Existing directory for uploads; a directory of this process is made inside it. */
  readonly tempDir: string;
  readonly version: string;
  readonly log: Log;
  readonly health: () => HealthSnapshot;
  readonly metrics: HttpMetrics;
  /** Whether `/metrics` answers without a key; otherwise it wants one with the scope `admin`. */
  readonly metricsPublic: boolean;
  /** Origins whose pages may call: `*` is safe, because keys travel in headers and never in cookies. */
  readonly corsOrigins: '*' | readonly string[];
  /** Model used when a request names none. */
  readonly defaultModel: string;
  /** The vendor keys of accounts, for explaining their routes; left out: there are none. */
  readonly accountKeysOf?: AccountKeysOf;
  /** Holds keys and accounts to their limits; left out: nobody is. */
  readonly limiter?: Limiter;
  /** What says that there is too much to do, beside uploads in memory; left out: nothing. */
  readonly loadSignals?: readonly LoadSignal[];
  /** Accounts, keys and money; left out: there are none of their routes. */
  readonly accounts?: AdminParts;
}
