import type { Log } from '../core/log.ts';
import type { CallersSpan, SpanAttributes, TraceSpan, Tracing } from '../core/tracing.ts';

/** Tracing that leaves the process; what has not left is sent when it is closed. */
export interface ExportedTracing extends Tracing {
  close(): Promise<void>;
}

export interface TracesOptions {
  /** Base address of an OTLP/HTTP collector; spans go to `/v1/traces` below it. */
  readonly endpoint: string;
  /** Of fluxscribe. */
  readonly version: string;
  readonly log: Log;
}

/** A collector that does not take its last spans within this time shall not hold up the end of the process. */
const closeTimeoutMs = 3000;

/**
 * Sends spans to an OpenTelemetry collector, in batches beside the work; what it does not take is dropped. Its packages
 * are loaded here, so that a server without a collector pays nothing. The resource's name and further attributes come
 * from OpenTelemetry's own variables (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`), headers likewise.
 */
export async function startTraces({ endpoint, version, log }: TracesOptions): Promise<ExportedTracing> {
  const [{ ROOT_CONTEXT, SpanStatusCode, trace }, { parseTraceParent }, sdk, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/core'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const resource = resources
    .resourceFromAttributes({ 'service.name': 'fluxscribe', 'service.version': version })
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new sdk.TracerProvider({ resource, spanProcessors: [new sdk.BatchSpanProcessor({ exporter })] });
  // Own, not global: several gateways may live in one process, and libraries shall not trace behind our back.
  const tracer = provider.getTracer('fluxscribe', version);
  const contexts = new WeakMap<TraceSpan, ReturnType<typeof trace.setSpan>>();
  function contextOf(parent: TraceSpan | CallersSpan | null) {
    if (parent === null) return ROOT_CONTEXT;
    if (!('traceparent' in parent)) return contexts.get(parent) ?? ROOT_CONTEXT;
    const remote = parseTraceParent(parent.traceparent);
    return remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT;
  }
  return {
    start(name: string, attributes: SpanAttributes, parent: TraceSpan | CallersSpan | null): TraceSpan {
      const parentContext = contextOf(parent);
      const span = tracer.startSpan(name, { attributes: { ...attributes } }, parentContext);
      const handle: TraceSpan = {
        set: (more) => void span.setAttributes({ ...more }),
        end(failure) {
          if (failure !== null) {
            span.setAttribute('error.type', failure);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end();
        },
      };
      contexts.set(handle, trace.setSpan(parentContext, span));
      return handle;
    },
    async close() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, closeTimeoutMs);
      try {
        const sent = provider.shutdown().catch(() => log.warn({}, 'the last spans were not taken by their collector'));
        await Promise.race([sent, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
