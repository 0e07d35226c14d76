import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, type MeasuredRequest } from './metrics.ts';

const request: MeasuredRequest = {
  method: 'POST',
  route: '/v1/audio/transcriptions',
  status: 200,
  errorCode: null,
  latencyMs: 120,
  receivedBytes: 4000,
  routedModel: 'local/moonshine-tiny',
  audioMs: 5000,
  workMs: 100,
};

describe('metrics', () => {
  it('count requests, audio and speed by route and model', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.requestFinished(request);
    metrics.requestFinished(request);
    const { body, contentType } = await metrics.render();
    assert.match(contentType, /^text\/plain/);
    assert.match(
      body,
      /fluxscribe_http_requests_total\{route="\/v1\/audio\/transcriptions",method="POST",status="200",model="local\/moonshine-tiny"\} 2/,
    );
    assert.match(body, /fluxscribe_audio_seconds_total\{model="local\/moonshine-tiny"\} 10/);
    assert.match(body, /fluxscribe_transcription_speed_ratio_sum\{model="local\/moonshine-tiny"\} 100/);
    assert.match(body, /fluxscribe_http_received_bytes_total 8000/);
  });

  it('count failures by code, also without a model', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.requestFinished({
      ...request,
      status: 499,
      errorCode: 'client_closed_request',
      routedModel: null,
      audioMs: null,
    });
    const { body } = await metrics.render();
    assert.match(body, /fluxscribe_errors_total\{route="[^"]+",code="client_closed_request"\} 1/);
    assert.match(body, /status="499",model="none"\} 1/);
    assert.doesNotMatch(body, /fluxscribe_audio_seconds_total\{/);
  });

  it('show uploads and the engine as they are when asked', async () => {
    let queued = 3;
    const metrics = createMetrics({ processMetrics: false, engine: () => ({ queued, running: 2, workers: 2 }) });
    metrics.uploadsChanged(1);
    metrics.uploadsChanged(1);
    metrics.uploadsChanged(-1);
    assert.match((await metrics.render()).body, /fluxscribe_uploads_in_progress 1\n/);
    queued = 7;
    assert.match((await metrics.render()).body, /fluxscribe_engine_queue_length 7\n/);
  });

  it('live side by side: every app has a registry of its own', async () => {
    const first = createMetrics({ processMetrics: true });
    const second = createMetrics({ processMetrics: true });
    first.uploadsChanged(1);
    assert.match((await first.render()).body, /fluxscribe_uploads_in_progress 1\n/);
    assert.match((await second.render()).body, /fluxscribe_uploads_in_progress 0\n/);
    assert.match((await second.render()).body, /fluxscribe_process_resident_memory_bytes/);
  });
});
