import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../core/log.ts';
import type { TranscribeOutcome } from '../../pipeline/transcribe-file.ts';
import type { RenderingAsk } from '../../rendering/rendering-ask.ts';
import type { HttpLimits } from '../http-limits.ts';
import type { TranscriptionRequest } from '../transcription-request.ts';
import { ignoredFieldsHeader, receiptHeaders, toReceipt } from './receipt.ts';

/** What every kind of reply to a transcription needs. */
export interface ReplyContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly form: TranscriptionRequest;
  readonly task: 'transcribe' | 'translate';
  readonly limits: HttpLimits;
  readonly log: Log;
}

/** Sets the headers that are known once the work is done. */
export function setOutcomeHeaders(context: ReplyContext, outcome: TranscribeOutcome): void {
  const { request, reply, form } = context;
  reply.headers(receiptHeaders(toReceipt(outcome, form)));
  reply.header('openai-processing-ms', String(Math.round(performance.now() - request.facts.startedAt)));
}

/** Sets the header that is known once the form has been read. */
export function setFormHeaders({ reply, form }: Pick<ReplyContext, 'reply' | 'form'>): void {
  const ignored = ignoredFieldsHeader(form.ignored);
  if (ignored !== null) reply.header('x-flux-ignored-fields', ignored);
}

/** `withReceipt`: the headers have gone, so the body has to say it. */
export function toRenderingAsk(context: ReplyContext, outcome: TranscribeOutcome, withReceipt: boolean): RenderingAsk {
  const { form, task } = context;
  return {
    transcript: outcome.transcript,
    usage: outcome.usage,
    task,
    askedLanguage: form.language,
    wantSegments: form.showSegments,
    wantWords: form.showWords,
    wantLogprobs: form.wantLogprobs,
    receipt: withReceipt ? toReceipt(outcome, form) : null,
  };
}
