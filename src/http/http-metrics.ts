/** One finished request, for the log line and the metrics. Nothing in it is private. */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern (`/v1/models/*`), never the caller's own words; `none` when no route fits. */
  readonly route: string;
  /** 499 when the caller hung up before the answer was complete. */
  readonly status: number;
  /** null on success. */
  readonly errorCode: string | null;
  readonly latencyMs: number;
  /** Body bytes read from the caller. */
  readonly receivedBytes: number;
  /** Full id of the model that answered, null when none did. */
  readonly routedModel: string | null;
  /** Length of the recording, null when it was not measured. */
  readonly audioMs: number | null;
  /** Time from the complete upload to the finished transcript, null when there is none. */
  readonly workMs: number | null;
  /** Public id of the key, null when none was accepted. */
  readonly keyId: string | null;
}

/** What the door tells the metrics; `telemetry` implements it. */
export interface HttpMetrics {
  /** Called once for every request, when its answer is complete or its caller has gone. */
  requestFinished(record: RequestRecord): void;
  /** Called with +1 and -1 as uploads begin and end. */
  uploadsChanged(by: 1 | -1): void;
  /** Everything in the Prometheus text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** Metrics that keep nothing, for tests and embedding without them. */
export const noMetrics: HttpMetrics = {
  requestFinished() {},
  uploadsChanged() {},
  render: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: '' }),
};
