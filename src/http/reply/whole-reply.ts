import type { FastifyReply } from 'fastify';
import { toErrorBody, toGatewayError } from '../../core/errors.ts';
import type { TranscribeOutcome } from '../../pipeline/transcribe-file.ts';
import { render } from '../../rendering/render.ts';
import { jsonType } from '../../rendering/rendering-ask.ts';
import { logFailure } from '../answer-errors.ts';
import { HeldBody } from './held-body.ts';
import { type ReplyContext, setOutcomeHeaders, toRenderingAsk } from './reply-context.ts';

/**
 * Answers with the whole transcript at once. JSON that takes longer than `earlyHeadersAfterMs` gets its headers then and
 * spaces until it is there: several clients (Node's fetch among them) give up after 300 s without headers, and JSON may
 * begin with spaces. The price is that a failure after that point comes with status 200 and an `error` in the body.
 */
export async function sendWhole(context: ReplyContext, work: Promise<TranscribeOutcome>): Promise<FastifyReply> {
  const { reply, form, limits } = context;
  if (form.format.endsWith('json') && !(await settlesWithin(work, limits.earlyHeadersAfterMs))) {
    return sendHeld(context, work);
  }
  const outcome = await work;
  setOutcomeHeaders(context, outcome);
  const body = render(form.format, toRenderingAsk(context, outcome, false));
  // As bytes: Fastify would add a charset to the JSON type of a string, which OpenAI does not send.
  return reply.type(body.mediaType).send(Buffer.from(body.content));
}

function sendHeld(context: ReplyContext, work: Promise<TranscribeOutcome>): FastifyReply {
  const { request, reply, form, limits, log } = context;
  const body = new HeldBody(reply.raw, {
    filler: ' ',
    intervalMs: limits.heartbeatIntervalMs,
    stallTimeoutMs: limits.stallTimeoutMs,
  });
  body.push(' ');
  work
    .then((outcome) => body.end(render(form.format, toRenderingAsk(context, outcome, true)).content))
    .catch((thrown) => {
      const error = toGatewayError(thrown);
      request.facts.errorCode = error.code;
      logFailure(error, request.id, log);
      body.end(JSON.stringify(toErrorBody(error)));
    });
  return reply.type(jsonType).send(body.readable);
}

/** Whether the work ends, well or badly, within the time. */
function settlesWithin(work: Promise<unknown>, timeMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), timeMs);
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settled, settled);
  });
}
