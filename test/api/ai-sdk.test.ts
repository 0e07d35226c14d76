import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, experimental_transcribe as transcribe } from 'ai';
import { GatewayError } from '../../src/core/errors.ts';
import { goodKey, startTestGateway, type TestGateway, wavBytes } from '../helpers/test-gateway.ts';

function providerOf(gateway: TestGateway) {
  return createOpenAI({ apiKey: goodKey, baseURL: `${gateway.url}/v1` });
}

describe('the AI SDK', () => {
  it('reads text, segments, words, language and duration of verbose_json through its strict schema', async (context) => {
    const gateway = await startTestGateway(context);
    const result = await transcribe({
      model: providerOf(gateway).transcription('whisper-1'),
      audio: wavBytes(),
      maxRetries: 0,
      providerOptions: { openai: { timestampGranularities: ['word', 'segment'], temperature: 0.2, language: 'en' } },
    });
    assert.equal(result.text, 'Two tickets, please. Thanks.');
    assert.equal(result.language, 'en');
    assert.equal(result.durationInSeconds, 4.6);
    assert.equal(result.segments.length, 2);
    assert.deepEqual(
      [gateway.script.calls[0]!.ask.model, gateway.script.calls[0]!.ask.temperature],
      ['whisper-1', 0.2],
    );
  });

  it('reads json from a model of the gateway', async (context) => {
    const gateway = await startTestGateway(context);
    const result = await transcribe({
      model: providerOf(gateway).transcription('flux-voice'),
      audio: wavBytes(),
      maxRetries: 0,
    });
    assert.equal(result.text, 'Two tickets, please. Thanks.');
  });

  it('sends chunking_strategy as JSON text', async (context) => {
    const gateway = await startTestGateway(context);
    const result = await transcribe({
      model: providerOf(gateway).transcription('gpt-4o-transcribe'),
      audio: wavBytes(),
      maxRetries: 0,
      providerOptions: { openai: { chunkingStrategy: { type: 'server_vad', threshold: 0.4 } } },
    });
    assert.equal(result.responses[0]!.headers?.['x-flux-unmet'], 'chunking_strategy');
  });

  it('reads diarized_json', async (context) => {
    const gateway = await startTestGateway(context);
    const result = await transcribe({
      model: providerOf(gateway).transcription('gpt-4o-transcribe-diarize'),
      audio: wavBytes(),
      maxRetries: 0,
    });
    assert.equal(result.text, 'Two tickets, please. Thanks.');
    assert.equal(result.segments.length, 2);
  });

  it('raises APICallError with the status and the message', async (context) => {
    const gateway = await startTestGateway(context);
    gateway.script.play(() => {
      throw new GatewayError('insufficient_credits', 'The wallet is empty.');
    });
    await assert.rejects(
      transcribe({ model: providerOf(gateway).transcription('flux-voice'), audio: wavBytes(), maxRetries: 0 }),
      (error: unknown) =>
        APICallError.isInstance(error) && error.statusCode === 402 && error.message === 'The wallet is empty.',
    );
  });
});
