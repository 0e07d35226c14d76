import type { onRequestHookHandler } from 'fastify';
import type { RecordRefusal } from '../pipeline/refusals.ts';
import { replayedHeader } from './keep-replies.ts';
import { payerOf } from './payer.ts';

/**
 * Hook that writes down how a request of a known key ended for which no money was ever held: refused, failed early, left
 * by its caller, or answered with what an earlier one was answered. It comes before `requireKey`, so that it sees what
 * that refuses too.
 */
export function recordRefusals(record: RecordRefusal | null, task: 'transcribe' | 'translate'): onRequestHookHandler {
  return (request, reply, done) => {
    if (record) {
      reply.raw.once('close', () => {
        const { facts, id: requestId } = request;
        const status = reply.raw.writableFinished ? reply.raw.statusCode : 499;
        const hasFailed = status >= 400 || facts.errorCode !== null;
        const isReplay = reply.hasHeader(replayedHeader);
        if (!facts.principal || facts.isHeld || !(hasFailed || isReplay)) return;
        record({
          requestId,
          payer: payerOf(facts.principal, facts),
          task,
          model: facts.model ?? '',
          status,
          errorCode: status === 499 ? 'client_closed_request' : (facts.errorCode ?? (isReplay ? null : 'server_error')),
          latencyMs: performance.now() - facts.startedAt,
        });
      });
    }
    done();
  };
}
