import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerJson, startFakeVendor } from '../../test/helpers/fake-vendor.ts';
import { silentLog } from '../core/log.ts';
import { startTraces } from './traces.ts';

interface ExportedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code?: number };
}

describe('traces', () => {
  it('reach a collector over OTLP, attempts below their request, with their failures', async (context) => {
    const collector = await startFakeVendor(answerJson({}));
    context.after(() => collector.close());
    const tracing = await startTraces({ endpoint: `${collector.url}/`, version: '1.2.3', log: silentLog });
    const request = tracing.start('transcription', { 'fluxscribe.audio_seconds': 3.5 }, null);
    const attempt = tracing.start('attempt', { 'fluxscribe.provider': 'groq' }, request);
    attempt.set({ 'fluxscribe.attempt.calls': 2 });
    attempt.end('bad_gateway');
    request.end(null);
    await tracing.close();

    const [sent] = collector.requests;
    assert.equal(sent?.path, '/v1/traces');
    const body = JSON.parse(sent.body.toString('utf8'));
    const resource: { key: string; value: { stringValue?: string } }[] = body.resourceSpans[0].resource.attributes;
    assert.equal(resource.find((one) => one.key === 'service.version')?.value.stringValue, '1.2.3');
    const spans: ExportedSpan[] = body.resourceSpans[0].scopeSpans[0].spans;
    const [inner, outer] = ['attempt', 'transcription'].map((name) => spans.find((one) => one.name === name)!);
    assert.equal(inner?.parentSpanId, outer?.spanId);
    assert.equal(inner?.traceId, outer?.traceId);
    const attributes = Object.fromEntries(inner!.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
    assert.deepEqual(attributes, {
      'fluxscribe.provider': 'groq',
      'fluxscribe.attempt.calls': 2,
      'error.type': 'bad_gateway',
    });
    assert.equal(inner?.status.code, 2);
  });

  it('go on with the trace of a caller who names his span, unless he does not want it kept', async (context) => {
    const collector = await startFakeVendor(answerJson({}));
    context.after(() => collector.close());
    const tracing = await startTraces({ endpoint: collector.url, version: '1.2.3', log: silentLog });
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    tracing.start('kept', {}, { traceparent: `00-${traceId}-${spanId}-01` }).end(null);
    tracing.start('not kept', {}, { traceparent: `00-${traceId}-${spanId}-00` }).end(null);
    for (const unread of ['', '00-0-0-01', `00-${'0'.repeat(32)}-${spanId}-01`, 'x'.repeat(10_000)]) {
      tracing.start('own', {}, { traceparent: unread }).end(null);
    }
    await tracing.close();
    const body = JSON.parse(collector.requests[0]!.body.toString('utf8'));
    const spans: ExportedSpan[] = body.resourceSpans[0].scopeSpans[0].spans;
    assert.deepEqual(
      spans.map((one) => one.name),
      ['kept', 'own', 'own', 'own', 'own'],
    );
    assert.deepEqual([spans[0]?.traceId, spans[0]?.parentSpanId], [traceId, spanId]);
    for (const { traceId: own, parentSpanId } of spans.slice(1)) {
      assert.notEqual(own, traceId);
      assert.ok(!parentSpanId);
    }
  });

  it('hold nothing up when nobody collects them', async () => {
    const collector = await startFakeVendor();
    const endpoint = collector.url;
    await collector.close();
    const tracing = await startTraces({ endpoint, version: '1.2.3', log: silentLog });
    tracing.start('transcription', {}, null).end(null);
    await tracing.close();
  });
});
