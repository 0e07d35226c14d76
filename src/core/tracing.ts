/** What of a request is told to a tracing system: names, models, outcomes and times. Never a text, a file name or a key. */
export interface Tracing {
  /**
   * Begins a span now. `parent`: a span of ours, or the caller's as he named it; null, or one that cannot be read: it
   * begins a trace.
   */
  start(name: string, attributes: SpanAttributes, parent: TraceSpan | CallersSpan | null): TraceSpan;
}

/** The span of a caller that a request belongs to, by the `traceparent` header of W3C's trace context. */
export interface CallersSpan {
  readonly traceparent: string;
}

export interface TraceSpan {
  /** Adds what has become known since it began. */
  set(attributes: SpanAttributes): void;
  /** Ends it now; `failure` is a code of the error table, null when it went well. */
  end(failure: string | null): void;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

const silentSpan: TraceSpan = { set() {}, end() {} };

/** Tracing that costs nothing and tells nobody. */
export const noTracing: Tracing = { start: () => silentSpan };
