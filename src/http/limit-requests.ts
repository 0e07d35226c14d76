import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Caller } from '../auth/key-directory.ts';
import type { Admission, LimitedCaller, Limiter, Permit } from '../limits/limiter.ts';
import type { Overload } from '../limits/overload.ts';
import { setLimitHeaders } from './limit-headers.ts';

/** What is held for requests in progress. */
const permits = new WeakMap<FastifyRequest, Permit>();

/**
 * Hook after `requireKey`: refuses what the server has no room for (503) and what the key or its account may not have at
 * this time (429), before any of the body is read. The place is given back when the connection is done with the answer,
 * however it ended. Limits that are counted in memory make nobody wait.
 */
export function limitRequests(limiter: Limiter | null, overload: Overload): onRequestHookHandler {
  return (request, reply, done) => {
    const refusal = overload.check();
    const { principal } = request.facts;
    if (refusal || !limiter || !principal) {
      done(refusal ?? undefined);
      return;
    }
    const admission = limiter.admit(knownCallerOf(principal), 'request');
    const enter = (known: Admission) => done(hold(request, reply, known) ?? undefined);
    if (admission instanceof Promise) admission.then(enter, done);
    else enter(admission);
  };
}

/** Keeps the permit for as long as the request lasts; returns the refusal where there is none. */
function hold(request: FastifyRequest, reply: FastifyReply, { permit, refusal, state }: Admission): Error | null {
  setLimitHeaders(reply, state);
  if (!permit) return refusal;
  // Nobody will see the end of a connection that is gone already.
  if (reply.raw.destroyed) permit.release();
  else {
    permits.set(request, permit);
    reply.raw.once('close', () => permit.release());
  }
  return null;
}

/**
 * Takes a recording's length off what the key and its account may use in a minute. Throws or rejects with GatewayError
 * `rate_limit_exceeded`.
 */
export function takeAudio(request: FastifyRequest, reply: FastifyReply, durationMs: number): void | Promise<void> {
  const permit = permits.get(request);
  if (!permit) return;
  const enter = ({ refusal, state }: Admission) => {
    if (!reply.sent) setLimitHeaders(reply, state);
    if (refusal) throw refusal;
  };
  const admission = permit.takeAudio(durationMs);
  return admission instanceof Promise ? admission.then(enter) : enter(admission);
}

/** Callers are the same objects for as long as nothing about them changes. */
const knownCallers = new WeakMap<Caller, LimitedCaller>();

function knownCallerOf(caller: Caller): LimitedCaller {
  let known = knownCallers.get(caller);
  if (!known) {
    known = limitedCallerOf(caller);
    knownCallers.set(caller, known);
  }
  return known;
}

/** The key's own limits and its account's plan's; both hold. */
function limitedCallerOf({
  keyId,
  requestsPerMinute,
  audioSecondsPerMinute,
  maxConcurrent,
  account,
  plan,
}: Caller): LimitedCaller {
  return {
    keyId,
    key: { requestsPerMinute, audioSecondsPerMinute, maxConcurrent, maxLiveStreams: null },
    account: { id: account.id, bounds: plan },
  };
}
