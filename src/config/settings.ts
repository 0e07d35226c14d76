import { z } from 'zod';
import { redisSection, sheddingSettings } from './limit-settings.ts';
import { providerSchema } from './provider-settings.ts';
import { routingSection } from './routing-settings.ts';
import { gibibyte, mebibyte, meta, seconds, whole } from './setting-shapes.ts';

/**
 * Every setting, once: its key, its environment variable, its bounds, its default and the sentence that
 * docs/reference/config.md prints. Bounds keep a typing mistake from becoming an outage.
 */

const path = () => z.string().min(1);

const limits = z.strictObject({
  maxUploadBytes: whole(1024, 2 * gibibyte)
    .default(32 * mebibyte)
    .meta(meta('FLUXSCRIBE_LIMITS_MAX_UPLOAD_BYTES', 'Largest audio file of one request; above it the answer is 413.')),
  maxAudioSeconds: seconds(1, 86_400)
    .default(14_400)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_MAX_AUDIO_SECONDS',
        'Longest recording of one request, measured from its packets before anything is decoded; above it the answer is 400.',
      ),
    ),
  maxConcurrentUploads: whole(1, 10_000)
    .default(256)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_MAX_CONCURRENT_UPLOADS',
        'Uploads being received at one time; beyond it 503 with `Retry-After`.',
      ),
    ),
  uploadIdleSeconds: seconds(1, 3600)
    .default(30)
    .meta(meta('FLUXSCRIBE_LIMITS_UPLOAD_IDLE_SECONDS', 'An upload that sends nothing for this long is ended.')),
  uploadSeconds: seconds(1, 86_400)
    .default(900)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_UPLOAD_SECONDS',
        'An upload that is not complete after this long is ended, however steadily it drips.',
      ),
    ),
  memoryUploadBytes: whole(0, 64 * mebibyte)
    .default(4 * mebibyte)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_MEMORY_UPLOAD_BYTES',
        'Uploads up to this size stay in memory until they are answered and touch no disk. 0: all go to disk.',
      ),
    ),
  memoryTotalBytes: whole(0, 64 * gibibyte)
    .default(128 * mebibyte)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_MEMORY_TOTAL_BYTES',
        'All uploads in memory together; what finds no room there goes to disk.',
      ),
    ),
  spoolThresholdBytes: whole(0, 64 * mebibyte)
    .default(256 * 1024)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_SPOOL_THRESHOLD_BYTES',
        'Bytes of one upload gathered on their way to disk before they are written in one piece.',
      ),
    ),
  minFreeDiskBytes: whole(0, 1024 * gibibyte)
    .default(64 * mebibyte)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_MIN_FREE_DISK_BYTES',
        "Uploads are refused with 507 when the data folder's disk has less room than this.",
      ),
    ),
  requestBaseSeconds: seconds(1, 86_400)
    .default(120)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_REQUEST_BASE_SECONDS',
        'Deadline of one transcription, waiting in the queue included: this much, and `requestSecondsPerAudioSecond` on top.',
      ),
    ),
  requestSecondsPerAudioSecond: seconds(0, 100)
    .default(1)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_REQUEST_SECONDS_PER_AUDIO_SECOND',
        'Added to the deadline for every second of audio; past it the answer is 504.',
      ),
    ),
  ...sheddingSettings,
});

const engine = z.strictObject({
  workers: z
    .union([z.literal('auto'), whole(1, 256)])
    .default('auto')
    .meta(
      meta(
        'FLUXSCRIBE_ENGINE_WORKERS',
        'Recogniser processes. `auto`: one for each core that this process may use, at most 8. Each holds its own copy of the model.',
      ),
    ),
  threadsPerWorker: whole(1, 64)
    .default(1)
    .meta(
      meta(
        'FLUXSCRIBE_ENGINE_THREADS_PER_WORKER',
        'Threads of one recogniser process. One is best for throughput; more shorten a single short clip on an idle machine.',
      ),
    ),
  queueLimit: whole(1, 100_000)
    .default(256)
    .meta(
      meta(
        'FLUXSCRIBE_ENGINE_QUEUE_LIMIT',
        'Recordings that may be in the engine at one time, in work or waiting; beyond it 503 with `Retry-After`.',
      ),
    ),
  recycleMemoryBytes: whole(64 * mebibyte, 256 * gibibyte)
    .default(gibibyte)
    .meta(
      meta(
        'FLUXSCRIBE_ENGINE_RECYCLE_MEMORY_BYTES',
        'A recogniser process that holds more memory than this is replaced by a fresh one between two pieces of work.',
      ),
    ),
  jobTimeoutSeconds: seconds(1, 3600)
    .default(60)
    .meta(
      meta(
        'FLUXSCRIBE_ENGINE_JOB_TIMEOUT_SECONDS',
        'A recogniser process that is longer on one piece of audio (about 15 s of sound) hangs: it is replaced, and the request fails.',
      ),
    ),
});

const audio = z.strictObject({
  workers: z
    .union([z.literal('auto'), whole(1, 256)])
    .default('auto')
    .meta(
      meta(
        'FLUXSCRIBE_AUDIO_WORKERS',
        'Processes that probe and decode uploads. `auto`: one for each core, at most 4.',
      ),
    ),
  queueLimit: whole(1, 100_000)
    .default(256)
    .meta(
      meta('FLUXSCRIBE_AUDIO_QUEUE_LIMIT', 'Uploads that may wait to be probed; beyond it 503 with `Retry-After`.'),
    ),
  maxWorkerBytes: whole(128 * mebibyte, 64 * gibibyte)
    .default(512 * mebibyte)
    .meta(
      meta(
        'FLUXSCRIBE_AUDIO_MAX_WORKER_BYTES',
        'A decoding process that needs more memory than this is ended, and its recording refused.',
      ),
    ),
});

const database = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, 'must be an address such as postgres://user:password@host:5432/name')
    .nullable()
    .default(null)
    .meta({
      ...meta(
        'DATABASE_URL',
        'PostgreSQL 14 or newer for accounts, keys and money. Without it an embedded database in `dataDir` serves one process.',
      ),
      secret: true,
    }),
  poolSize: whole(2, 1_000)
    .default(10)
    .meta(meta('FLUXSCRIBE_DATABASE_POOL_SIZE', 'Most connections of this process to PostgreSQL; one more listens.')),
  connectSeconds: seconds(0.1, 300)
    .default(5)
    .meta(meta('FLUXSCRIBE_DATABASE_CONNECT_SECONDS', 'Longest wait for a connection; beyond it 503.')),
  statementSeconds: seconds(0.1, 3600)
    .default(30)
    .meta(meta('FLUXSCRIBE_DATABASE_STATEMENT_SECONDS', 'Longest run of one statement; beyond it 503.')),
  usageRetentionDays: whole(1, 36_500)
    .default(400)
    .meta(
      meta(
        'FLUXSCRIBE_DATABASE_USAGE_RETENTION_DAYS',
        'Rows about single requests, and resolved holds, are removed after this long. The ledger is never removed.',
      ),
    ),
});

const wallet = z.strictObject({
  topUpFeePercent: z
    .number()
    .min(0)
    .max(100)
    .multipleOf(0.01)
    .default(5)
    .meta(
      meta('FLUXSCRIBE_WALLET_TOP_UP_FEE_PERCENT', "The operator's fee on a top-up, charged on top of its amount."),
    ),
});

const metrics = z.strictObject({
  public: z
    .boolean()
    .default(false)
    .meta(
      meta('FLUXSCRIBE_METRICS_PUBLIC', 'Whether `/metrics` answers without a key; otherwise it wants an admin key.'),
    ),
});

const tracing = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .nullable()
    .default(null)
    .meta(
      meta(
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        'OpenTelemetry collector that gets a span of every transcription and attempt, over OTLP/HTTP at `/v1/traces` below this address. Never texts, file names or keys.',
      ),
    ),
});

export const settingsSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta(meta('HOST', 'Address to listen on. `0.0.0.0` is every IPv4 address of the machine, `::` every address.')),
  port: whole(0, 65_535).default(8080).meta(meta('PORT', 'Port to listen on; 0 lets the system choose.')),
  dataDir: path()
    .default('./data')
    .meta(
      meta(
        'FLUXSCRIBE_DATA',
        'Folder for the database, keys and uploads in progress. Relative paths start at the working directory.',
      ),
    ),
  modelsDir: path()
    .default('~/.cache/fluxscribe/models')
    .meta(meta('FLUXSCRIBE_MODELS', 'Folder for models; several fluxscribe processes may share it.')),
  modelMirror: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .meta(
      meta(
        'FLUXSCRIBE_MODEL_MIRROR',
        'Folder or http(s) address that is asked for model files first, laid out as `<artifact id>/<file name>`.',
      ),
    ),
  catalogueFile: path()
    .nullable()
    .default(null)
    .meta(
      meta(
        'FLUXSCRIBE_CATALOGUE_FILE',
        'YAML file of models, aliases and prices that is laid over the catalogue that ships.',
      ),
    ),
  adminKey: z
    .string()
    .regex(/^[\x21-\x7e]{8,256}$/, 'must be 8 to 256 visible ASCII characters without spaces')
    .nullable()
    .default(null)
    .meta({
      ...meta(
        'FLUXSCRIBE_ADMIN_KEY',
        'The admin key. Without it one is made at the first start, printed once and kept as a hash.',
      ),
      secret: true,
    }),
  masterKeys: z
    .array(
      z
        .string()
        .regex(
          /^[\x21-\x2b\x2d-\x7e]{32,256}$/,
          'must be 32 to 256 visible ASCII characters without spaces and commas',
        ),
    )
    .max(10)
    .default([])
    .meta({
      ...meta(
        'FLUXSCRIBE_MASTER_KEY',
        'Keys that seal the vendor keys of accounts, such as from `openssl rand -base64 32`. The first one seals, all of them open: to rotate, put a new one before the old, separated by a comma.',
      ),
      secret: true,
    }),
  defaultModel: z
    .string()
    .min(1)
    .default('flux-voice')
    .meta(meta('FLUXSCRIBE_DEFAULT_MODEL', 'Model or alias of a request that names none.')),
  corsOrigins: z
    .array(z.string().min(1))
    .default(['*'])
    .meta(
      meta(
        'FLUXSCRIBE_CORS_ORIGINS',
        'Origins whose pages may call the API, comma-separated; `*` is any. Keys travel in headers, never in cookies.',
      ),
    ),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .meta(meta('FLUXSCRIBE_LOG_LEVEL', 'Least severe log line that is written.')),
  logFormat: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .meta(
      meta('FLUXSCRIBE_LOG_FORMAT', '`json`: one object a line. `pretty`: for people. `auto`: pretty on a terminal.'),
    ),
  shutdownGraceSeconds: seconds(0, 3600)
    .default(30)
    .meta(
      meta(
        'FLUXSCRIBE_SHUTDOWN_GRACE_SECONDS',
        'After SIGTERM or SIGINT, requests in progress get this long to finish.',
      ),
    ),
  providers: z
    .array(providerSchema)
    .max(200)
    .prefault([])
    .meta(
      meta(
        'FLUXSCRIBE_PROVIDERS',
        'Upstream speech services beside those that their own variables switch on; the variable takes the same as YAML or JSON. See the [guide](../guides/providers.md).',
      ),
    ),
  limits: limits.prefault({}),
  engine: engine.prefault({}),
  audio: audio.prefault({}),
  routing: routingSection.prefault({}),
  database: database.prefault({}),
  redis: redisSection.prefault({}),
  wallet: wallet.prefault({}),
  metrics: metrics.prefault({}),
  tracing: tracing.prefault({}),
});

/** The settings as the schema gives them: paths as written, `auto` not yet a number. */
export type Settings = z.infer<typeof settingsSchema>;
