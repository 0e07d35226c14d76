/** What of a request is told to a tracing system: names, models, outcomes and times. Never a text, a file name or a key. */
export interface Tracing {
  /** Begins a span now. `parent` null: it begins a trace. */
  start(name: string, attributes: SpanAttributes, parent: TraceSpan | null): TraceSpan;
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
