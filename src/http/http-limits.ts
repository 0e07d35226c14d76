/** Every bound of the HTTP door. Sizes in bytes, times in milliseconds. */
export interface HttpLimits {
  /** Largest audio file of one request; above it 413, decided while reading. */
  readonly maxUploadBytes: number;
  /** All of a form but its file: fields, part headers, boundaries. Bounds the memory of one upload. */
  readonly maxFormOverheadBytes: number;
  /** Largest single text field. */
  readonly maxFieldBytes: number;
  /** Most text fields of one form. */
  readonly maxFields: number;
  /** Uploads up to this size stay in memory and touch no disk; 0: none does. */
  readonly memoryUploadBytes: number;
  /** All uploads in memory together; what finds no room goes to disk. */
  readonly memoryTotalBytes: number;
  /** From this share of `memoryTotalBytes` on, further uploads are refused; null: they go to disk. */
  readonly shedUploadMemoryShare: number | null;
  /** Bytes of a larger upload that are gathered before they are written to disk in one piece. */
  readonly spoolThresholdBytes: number;
  /** Uploads are refused (507) when the temporary directory's disk has less free room than this. */
  readonly minFreeDiskBytes: number;
  /** Uploads being received at one time; beyond it 503 with `Retry-After`. */
  readonly maxConcurrentUploads: number;
  /** An upload that sends nothing for this long is ended with 408. */
  readonly uploadIdleTimeoutMs: number;
  /** An upload that is not complete after this long is ended with 408, however steadily it drips. */
  readonly uploadTimeoutMs: number;
  /** A connection that has not sent complete request headers after this long is closed. */
  readonly headersTimeoutMs: number;
  /** An idle kept-alive connection is closed after this long; keep it above that of a proxy in front. */
  readonly keepAliveTimeoutMs: number;
  /** Comments (SSE) and spaces (long JSON replies) keep a waiting connection alive at this interval. */
  readonly heartbeatIntervalMs: number;
  /** A client that takes nothing of a held or streamed reply for this long is cut off. */
  readonly stallTimeoutMs: number;
  /** A stream's headers are sent at the latest after this long, so that earlier failures still get their status. */
  readonly streamHeadersAfterMs: number;
  /** JSON replies that take longer get their headers now: several clients give up at 300 s without headers. */
  readonly earlyHeadersAfterMs: number;
  /** After an early refusal the rest of an upload is read and dropped for at most this long, so that the client sees the answer. */
  readonly lingerMs: number;
}

const mebibyte = 1024 * 1024;

export const defaultHttpLimits: HttpLimits = {
  maxUploadBytes: 32 * mebibyte,
  maxFormOverheadBytes: mebibyte,
  maxFieldBytes: 64 * 1024,
  maxFields: 256,
  // Two minutes of 16 kHz WAV, four of 128 kbit/s MP3: what people dictate.
  memoryUploadBytes: 4 * mebibyte,
  memoryTotalBytes: 128 * mebibyte,
  shedUploadMemoryShare: null,
  spoolThresholdBytes: 256 * 1024,
  minFreeDiskBytes: 64 * mebibyte,
  maxConcurrentUploads: 256,
  uploadIdleTimeoutMs: 30_000,
  uploadTimeoutMs: 15 * 60_000,
  headersTimeoutMs: 60_000,
  // Above the 60 s of common load balancers: the side that closes first should be theirs, else a request meets a closed socket.
  keepAliveTimeoutMs: 75_000,
  heartbeatIntervalMs: 10_000,
  stallTimeoutMs: 60_000,
  streamHeadersAfterMs: 3_000,
  earlyHeadersAfterMs: 240_000,
  lingerMs: 30_000,
};
