import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createAttemptMetrics, type MeasuredBreaker } from './attempt-metrics.ts';

const attempt = { providerId: 'openai', modelId: 'openai/whisper-1', kind: 'first', outcome: 'ok', latencyMs: 300 };

describe('attempt metrics', () => {
  it('count attempts by provider, model, kind and outcome, names pinned to a day as one', async () => {
    const registry = new Registry();
    const metrics = createAttemptMetrics(registry, () => []);
    metrics.attemptEnded(attempt);
    metrics.attemptEnded({ ...attempt, modelId: 'openai/whisper-1-2026-01-01' });
    metrics.attemptEnded({ ...attempt, kind: 'fallback', outcome: 'bad_output:empty' });
    metrics.attemptEnded({ ...attempt, kind: 'hedge', outcome: 'cancelled' });
    metrics.retried('openai', 'openai/whisper-1', { code: 'bad_gateway' });
    const body = await registry.metrics();
    assert.match(
      body,
      /fluxscribe_attempts_total\{provider="openai",model="openai\/whisper-1",kind="first",outcome="ok"\} 2/,
    );
    assert.match(body, /kind="fallback",outcome="bad_output:empty"\} 1/);
    assert.match(
      body,
      /fluxscribe_attempt_retries_total\{provider="openai",model="openai\/whisper-1",code="bad_gateway"\} 1/,
    );
    assert.match(body, /fluxscribe_attempt_duration_seconds_count\{[^}]*result="answer"\} 2/);
    assert.match(body, /fluxscribe_attempt_duration_seconds_count\{[^}]*result="failure"\} 1/);
  });

  it('show breakers as they are when asked', async () => {
    const registry = new Registry();
    let state: MeasuredBreaker['state'] = 'open';
    createAttemptMetrics(registry, () => [{ providerId: 'groq', modelId: 'groq/whisper', state }]);
    assert.match(await registry.metrics(), /fluxscribe_breaker_state\{provider="groq",model="groq\/whisper"\} 2/);
    state = 'closed';
    assert.match(await registry.metrics(), /fluxscribe_breaker_state\{provider="groq",model="groq\/whisper"\} 0/);
  });
});
