import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import type { OutboundReply } from '../../net/guarded-fetch.ts';
import type { Segment } from '../../transcript/transcript.ts';
import { readStream } from './stream.ts';

function replyOf(text: string): OutboundReply {
  return {
    status: 200,
    header: () => null,
    text: async () => text,
    async *chunks() {
      yield Buffer.from(text);
    },
    discard() {},
  };
}

const lines = (...events: readonly (object | string)[]) =>
  events.map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`).join('');

async function read(text: string, kind: 'deltas' | 'phrases' | 'segments' = 'deltas') {
  const segments: Segment[] = [];
  const { transcript, usage, vendorDurationMs } = await readStream(replyOf(text), {
    durationMs: 5000,
    wantLogprobs: true,
    kind,
    secrets: [],
    onEvent: (event) => {
      if (event.type === 'segment-final') segments.push(event.segment);
    },
  });
  return { transcript, usage, vendorDurationMs, said: segments.map((one) => one.text), segments };
}

const fails = (text: string, code: string) =>
  assert.rejects(read(text), (error) => error instanceof GatewayError && error.code === code);

describe('readStream', () => {
  it("reads OpenAI's events, sentence by sentence", async () => {
    const { transcript, said, usage } = await read(
      lines(
        { type: 'transcript.text.delta', delta: 'It costs 3.50. ' },
        { type: 'transcript.text.delta', delta: 'Two' },
        { type: 'transcript.text.delta', delta: ' please.' },
        {
          type: 'transcript.text.done',
          text: 'It costs 3.50. Two please.',
          languages: [{ code: 'en' }],
          logprobs: [{ token: 'It', logprob: -0.1 }],
          usage: { type: 'tokens', input_tokens: 5, output_tokens: 2, input_token_details: { audio_tokens: 5 } },
        },
        '[DONE]',
      ),
    );
    assert.deepEqual(said, ['It costs 3.50.', 'Two please.']);
    assert.deepEqual([transcript.text, transcript.language], ['It costs 3.50. Two please.', 'en']);
    assert.deepEqual(transcript.tokens, [{ token: 'It', logprob: -0.1, bytes: [73, 116] }]);
    assert.deepEqual(usage, { type: 'tokens', inputTokens: 5, outputTokens: 2, audioTokens: 5, textTokens: 0 });
  });

  it('reads speakers and times of the diarizing model once, not twice', async () => {
    const { transcript, said, segments } = await read(
      lines(
        { type: 'transcript.text.delta', delta: 'Hello?', segment_id: 's1' },
        { type: 'transcript.text.segment', id: 's1', start: 0, end: 1.1, text: 'Hello?', speaker: 'agent' },
        { type: 'transcript.text.delta', delta: ' Hi.', segment_id: 's2' },
        { type: 'transcript.text.segment', id: 's2', start: 1.4, end: 2, text: ' Hi.', speaker: 'B' },
        { type: 'transcript.text.done', text: 'Hello? Hi.' },
      ),
      'segments',
    );
    assert.deepEqual(said, ['Hello?', 'Hi.']);
    assert.deepEqual(
      segments.map((one) => [one.speaker, one.startMs]),
      [
        ['A', 0],
        ['B', 1400],
      ],
    );
    assert.deepEqual(transcript.segments, segments);
  });

  it('hands on each phrase as it comes where deltas are phrases, whatever the punctuation', async () => {
    const { said } = await read(
      lines(
        { type: 'transcript.text.delta', delta: 'two tickets' },
        { type: 'transcript.text.delta', delta: ' please. and thanks' },
        { type: 'transcript.text.done', text: 'two tickets please. and thanks' },
      ),
      'phrases',
    );
    assert.deepEqual(said, ['two tickets', 'please. and thanks']);
  });

  it("reads Mistral's named events", async () => {
    const { transcript, said, vendorDurationMs } = await read(
      'event: transcription.language\ndata: {"audio_language":"fr"}\n\n' +
        'event: transcription.text.delta\ndata: {"text":"Deux billets."}\n\n' +
        'event: transcription.done\ndata: {"text":"Deux billets.","model":"voxtral","usage":{"prompt_audio_seconds":5},' +
        '"segments":[{"type":"transcription_segment","text":"Deux billets.","start":0,"end":1}]}\n\n',
    );
    assert.deepEqual(said, ['Deux billets.']);
    assert.deepEqual([transcript.language, transcript.segments[0]?.endMs], ['fr', 1000]);
    assert.equal(vendorDurationMs, 5000);
  });

  it("reads vLLM's chat chunks, with and without an end mark", async () => {
    const chunks = lines(
      { object: 'transcription.chunk', choices: [{ delta: { content: ' My' } }] },
      { object: 'transcription.chunk', choices: [{ delta: { content: ' tickets.' }, finish_reason: 'stop' }] },
      {
        object: 'transcription.chunk',
        choices: [{ delta: { content: ' Thanks.' }, finish_reason: 'stop' }],
        usage: null,
      },
    );
    for (const end of ['', 'data: [DONE]\n\n']) {
      const { transcript, said } = await read(chunks + end);
      assert.equal(transcript.text, 'My tickets. Thanks.');
      assert.deepEqual(said, ['My tickets.', 'Thanks.']);
    }
  });

  it('hands on the text of a server that says it only at the end', async () => {
    assert.deepEqual((await read(lines({ type: 'transcript.text.done', text: 'All at once.' }))).said, [
      'All at once.',
    ]);
  });

  it('fails for a stream that ends early, says nothing, breaks or is nonsense', async () => {
    await fails(lines({ type: 'transcript.text.delta', delta: 'Two' }), 'bad_gateway');
    await fails('', 'bad_gateway');
    await fails('data: {"type":\n\n', 'bad_gateway');
    await fails(lines({ error: { message: 'broken', type: 'server_error', code: 'upstream_failed' } }), 'bad_gateway');
    await fails(lines({ error: { message: 'x', code: 'rate_limit_exceeded' } }), 'service_unavailable');
  });
});
