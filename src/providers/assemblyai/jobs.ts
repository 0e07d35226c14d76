import { setTimeout as sleep } from 'node:timers/promises';
import { toGatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { GuardedFetch, OutboundReply, OutboundRequest } from '../../net/guarded-fetch.ts';
import { abortFailure } from '../../net/outbound-failure.ts';
import { readVendorFailure } from '../support/vendor-failure.ts';
import { readVendorJson } from '../support/vendor-json.ts';
import { jobFailure, jobTooSlow, readAssemblyAiComplaint } from './errors.ts';
import { type AssemblyAiAddresses, assemblyAiHeaders } from './request.ts';
import { type Job, jobSchema } from './response.ts';

/** How often a job is asked after, in milliseconds: soon at first (short clips take a second or two), then ever less. */
export interface PollIntervals {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The vendor's SDKs ask every three seconds; its limit is 20,000 requests in five minutes. */
export const defaultPollIntervals: PollIntervals = { firstMs: 400, longestMs: 3_000 };
const growth = 1.5;

/** A job that is asked for while the caller leaves is waited for this long, so that it can be deleted. */
export const defaultOrphanGraceMs = 5_000;
/** Deleting holds up an answer that is ready: no longer than this. */
const deleteTimeoutMs = 3_000;

export interface JobsOptions {
  readonly apiKey: string;
  readonly addresses: AssemblyAiAddresses;
  readonly http: GuardedFetch;
  readonly intervals: PollIntervals;
  readonly orphanGraceMs: number;
}

/** Transcripts at AssemblyAI: made, waited for, deleted. Nothing is asked twice after a failure. */
export interface Jobs {
  /**
   * Resolves with the id of a new job. Aborted: rejects at once, and a job that comes about all the same is handed to
   * `onOrphan`, whose promise outlives the call.
   */
  create(body: string, at: JobCall, onOrphan: (deletion: Promise<void>) => void): Promise<string>;
  /** Resolves with the completed job. */
  completed(id: string, at: JobCall): Promise<Job>;
  /** Deletes the words and the sound of a job. Never rejects: what cannot be deleted is noted in the log. */
  remove(id: string, log: Log): Promise<void>;
}

export interface JobCall {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** For one reply, and for the whole job. */
  readonly timeoutMs: number;
}

export function createJobs({ apiKey, addresses, http, intervals, orphanGraceMs }: JobsOptions): Jobs {
  const ask = async (request: Omit<OutboundRequest, 'headers'>): Promise<OutboundReply> => {
    const type = request.body === undefined ? {} : { 'content-type': 'application/json' };
    const reply = await http.request({ ...request, headers: { ...assemblyAiHeaders(apiKey), ...type } });
    if (reply.status !== 200) throw await readVendorFailure(reply, readAssemblyAiComplaint, [apiKey]);
    return reply;
  };
  const jobOf = async (request: Omit<OutboundRequest, 'headers'>) => readVendorJson(await ask(request), jobSchema);

  async function remove(id: string, log: Log): Promise<void> {
    try {
      const reply = await ask({
        method: 'DELETE',
        url: addresses.transcript(id),
        signal: AbortSignal.timeout(deleteTimeoutMs),
      });
      reply.discard();
    } catch (thrown) {
      log.warn({ code: toGatewayError(thrown).code }, 'a transcript could not be deleted at its provider');
    }
  }

  return {
    remove,
    async create(body, { signal, log, timeoutMs }, onOrphan) {
      if (signal.aborted) throw abortFailure(signal);
      const own = new AbortController();
      const made = jobOf({
        method: 'POST',
        url: addresses.transcripts,
        body,
        signal: own.signal,
        headersTimeoutMs: timeoutMs,
        bodyTimeoutMs: timeoutMs,
      });
      const left = new Promise<'left'>((resolve) => {
        signal.addEventListener('abort', () => resolve('left'), { once: true });
      });
      const first = await Promise.race([made, left]);
      if (first !== 'left') return first.id;
      const grace = setTimeout(() => own.abort(), orphanGraceMs);
      onOrphan(
        made
          .then(
            ({ id }) => remove(id, log),
            () => log.debug({}, 'no transcript came about after its caller had left'),
          )
          .finally(() => clearTimeout(grace)),
      );
      throw abortFailure(signal);
    },
    async completed(id, { signal, timeoutMs }) {
      const startedAt = performance.now();
      for (let waitMs = intervals.firstMs; ; waitMs = Math.min(intervals.longestMs, waitMs * growth)) {
        await pause(waitMs, signal);
        const job = await jobOf({
          method: 'GET',
          url: addresses.transcript(id),
          signal,
          headersTimeoutMs: timeoutMs,
          bodyTimeoutMs: timeoutMs,
        });
        if (job.status === 'completed') return job;
        if (job.status === 'error') throw jobFailure();
        if (performance.now() - startedAt > timeoutMs) throw jobTooSlow();
      }
    },
  };
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal });
  } catch (thrown) {
    throw signal.aborted ? abortFailure(signal) : thrown;
  }
}
