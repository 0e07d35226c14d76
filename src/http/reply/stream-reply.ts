import type { FastifyReply } from 'fastify';
import { toErrorBody, toGatewayError } from '../../core/errors.ts';
import type { TranscribeOutcome } from '../../pipeline/transcribe-file.ts';
import { createStreamEvents } from '../../rendering/stream-events.ts';
import type { TranscriptEvent } from '../../transcript/transcript.ts';
import { logFailure } from '../answer-errors.ts';
import { HeldBody } from './held-body.ts';
import { type ReplyContext, setOutcomeHeaders, toRenderingAsk } from './reply-context.ts';

/** No `event:` line: OpenAI sends none, and some readers take only the default event. */
function toWire(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

/**
 * Answers with OpenAI's stream events. The headers wait for the first event, the end, or `streamHeadersAfterMs`, so that
 * a failure before that (unreadable audio, no free engine) still has its own status. A failure after it is an event.
 */
export async function sendStream(
  context: ReplyContext,
  transcribe: (onEvent: (event: TranscriptEvent) => void) => Promise<TranscribeOutcome>,
): Promise<FastifyReply> {
  const { request, reply, form, limits, log } = context;
  const events = createStreamEvents({ diarized: form.format === 'diarized_json', wantLogprobs: form.wantLogprobs });
  const body = new HeldBody(reply.raw, {
    filler: ': ping\n\n',
    intervalMs: limits.heartbeatIntervalMs,
    stallTimeoutMs: limits.stallTimeoutMs,
  });
  const begun = Promise.withResolvers<void>();
  let open = false;
  const begin = () => {
    open = true;
    begun.resolve();
  };
  const headersTimer = setTimeout(() => {
    body.push(': ping\n\n');
    begin();
  }, limits.streamHeadersAfterMs);

  transcribe((event) => {
    if (event.type !== 'segment-final') return;
    for (const one of events.segment(event)) body.push(toWire(one));
    begin();
  })
    .then((outcome) => {
      // A short recording is done before anything was sent: then the headers can say it all.
      if (!open) setOutcomeHeaders(context, outcome);
      const last = events
        .done(toRenderingAsk(context, outcome, true))
        .map(toWire)
        .join('');
      body.end(`${last}data: [DONE]\n\n`);
      begin();
    })
    .catch((thrown) => {
      if (!open) {
        begun.reject(thrown);
        return;
      }
      const error = toGatewayError(thrown);
      request.facts.errorCode = error.code;
      logFailure(error, request.id, log);
      body.end(toWire(toErrorBody(error)));
    });

  try {
    await begun.promise;
  } catch (thrown) {
    body.end();
    throw thrown;
  } finally {
    clearTimeout(headersTimer);
  }
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache')
    .header('x-accel-buffering', 'no') // nginx would otherwise hold the events back
    .send(body.readable);
}
