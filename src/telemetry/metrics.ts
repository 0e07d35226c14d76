import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type AttemptMetrics, createAttemptMetrics, type MeasuredBreaker } from './attempt-metrics.ts';

/** What a finished request tells the metrics. The HTTP door's record has these and more. */
export interface MeasuredRequest {
  readonly method: string;
  /** The route's pattern, never the caller's own words: labels must be few. */
  readonly route: string;
  readonly status: number;
  readonly errorCode: string | null;
  readonly latencyMs: number;
  readonly receivedBytes: number;
  readonly routedModel: string | null;
  readonly audioMs: number | null;
  readonly workMs: number | null;
}

/** The engine at this moment; read when the metrics are read. */
export interface EngineGauges {
  readonly queued: number;
  readonly running: number;
  readonly workers: number;
}

export interface MetricsOptions {
  /** Left out: no engine gauges. */
  readonly engine?: () => EngineGauges;
  /** Left out: no breaker gauges. */
  readonly breakers?: () => readonly MeasuredBreaker[];
  /** CPU, memory, event loop and garbage collection of this process. */
  readonly processMetrics: boolean;
}

/** Prometheus metrics of one app, in a registry of its own. Names start with `fluxscribe_`. */
export interface Metrics {
  requestFinished(request: MeasuredRequest): void;
  uploadsChanged(by: 1 | -1): void;
  readonly attempts: AttemptMetrics;
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** From a cached answer to the longest synchronous request, in seconds. */
const latencyBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];
/** Seconds of audio for one second of work: below 1 is slower than real time. */
const speedBuckets = [0.5, 1, 2, 5, 10, 20, 40, 60, 100, 200];

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics) collectDefaultMetrics({ register: registry, prefix: 'fluxscribe_' });

  const requests = new Counter({
    name: 'fluxscribe_http_requests_total',
    help: 'Finished requests; status 499 is a caller who hung up.',
    labelNames: ['route', 'method', 'status', 'model'],
    registers,
  });
  const errors = new Counter({
    name: 'fluxscribe_errors_total',
    help: 'Failed requests by code of the error table, also those that failed after their headers had gone.',
    labelNames: ['route', 'code'],
    registers,
  });
  const latency = new Histogram({
    name: 'fluxscribe_http_request_duration_seconds',
    help: 'From the headers of a request to the end of its answer.',
    labelNames: ['route'],
    buckets: latencyBuckets,
    registers,
  });
  const receivedBytes = new Counter({
    name: 'fluxscribe_http_received_bytes_total',
    help: 'Bytes of completely received upload bodies.',
    registers,
  });
  const audioSeconds = new Counter({
    name: 'fluxscribe_audio_seconds_total',
    help: 'Seconds of audio transcribed.',
    labelNames: ['model'],
    registers,
  });
  const speed = new Histogram({
    name: 'fluxscribe_transcription_speed_ratio',
    help: 'Seconds of audio for one second of work, waiting included (the inverse of the real-time factor).',
    labelNames: ['model'],
    buckets: speedBuckets,
    registers,
  });
  const uploads = new Gauge({
    name: 'fluxscribe_uploads_in_progress',
    help: 'Uploads being received.',
    registers,
  });
  if (options.engine) engineGauges(options.engine, registers);

  return {
    requestFinished(request) {
      const { route, method, status, routedModel } = request;
      const model = routedModel ?? 'none';
      requests.inc({ route, method, status, model });
      if (request.errorCode !== null) errors.inc({ route, code: request.errorCode });
      latency.observe({ route }, request.latencyMs / 1000);
      receivedBytes.inc(request.receivedBytes);
      if (request.audioMs !== null && routedModel !== null) {
        audioSeconds.inc({ model }, request.audioMs / 1000);
        if (request.workMs) speed.observe({ model }, request.audioMs / request.workMs);
      }
    },
    uploadsChanged(by) {
      uploads.inc(by);
    },
    attempts: createAttemptMetrics(registry, options.breakers ?? (() => [])),
    async render() {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function engineGauges(engine: () => EngineGauges, registers: Registry[]): void {
  const gauges: [keyof EngineGauges, string, string][] = [
    ['queued', 'fluxscribe_engine_queue_length', 'Pieces of audio that wait for a worker.'],
    ['running', 'fluxscribe_engine_running', 'Pieces of audio that workers are on.'],
    ['workers', 'fluxscribe_engine_workers', 'Worker processes that are up.'],
  ];
  for (const [key, name, help] of gauges) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(engine()[key]);
      },
    });
  }
}
