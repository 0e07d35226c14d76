import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest, onSendAsyncHookHandler } from 'fastify';
import type { StoredAudio } from '../audio/audio.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { IdempotencyStore, KeptReply } from '../metering/idempotency-store.ts';

export type { IdempotencyStore } from '../metering/idempotency-store.ts';

/** Where answers are kept for callers that ask again with the same `Idempotency-Key`. */
export interface ReplyKeeper {
  readonly store: Pick<IdempotencyStore, 'begin' | 'finish' | 'forget'>;
}

/** A request that holds its key: its reply is kept, or the key is given free. */
export interface HeldKey {
  readonly keeper: ReplyKeeper;
  readonly accountId: string;
  readonly key: string;
  /** What its work is charged as. */
  readonly chargeKey: string;
  /** The caller left before the end of a streamed reply: nothing will be kept. */
  isLeft: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    heldKey: HeldKey | null;
  }
}

/** Says of an answer that an earlier request had it. */
export const replayedHeader = 'idempotent-replayed';

/** As the draft of the header's standard and others have it. */
const maxKeyLength = 255;
/** Larger streams are not gathered to be kept; the store would not take them. */
const maxBodyBytes = 8 * 1024 * 1024;
/** What SDKs wait at most of their own accord; work that takes longer is asked for again. */
const inProgressRetrySeconds = 2;

/**
 * Takes the request's `Idempotency-Key`, where it has one. Resolves with the reply that an earlier request with it had,
 * null: this one is the first, or has no key. Rejects with GatewayError `idempotency_in_progress` (409),
 * `idempotency_key_reused` (422) or `invalid_value`.
 */
export async function takeKey(
  request: FastifyRequest,
  keeper: ReplyKeeper | undefined,
  fields: ReadonlyMap<string, readonly string[]>,
  file: StoredAudio,
): Promise<KeptReply | null> {
  const key = request.headers['idempotency-key'];
  const { principal } = request.facts;
  if (!keeper || !principal || typeof key !== 'string' || key === '') return null;
  if (key.length > maxKeyLength) {
    const message = `An Idempotency-Key has at most ${maxKeyLength} characters.`;
    throw new GatewayError('invalid_value', message, { param: 'Idempotency-Key' });
  }
  const accountId = principal.account.id;
  const requestHash = await hashOf(request.routeOptions.url ?? '', fields, file);
  const found = await keeper.store.begin({ accountId, key, requestHash, requestId: request.id });
  switch (found.state) {
    case 'first':
      request.heldKey = { keeper, accountId, key, chargeKey: found.chargeKey, isLeft: false };
      return null;
    case 'running':
      throw new GatewayError(
        'idempotency_in_progress',
        'The first request with this Idempotency-Key is still in work.',
        {
          retryAfterSeconds: inProgressRetrySeconds,
        },
      );
    case 'conflict':
      throw new GatewayError('idempotency_key_reused', 'This Idempotency-Key was used for another request.', {
        param: 'Idempotency-Key',
      });
    case 'done':
      return found.reply;
  }
}

/** Answers as the first request was answered, and says so. */
export function sendKept(reply: FastifyReply, kept: KeptReply): FastifyReply {
  return reply
    .code(kept.status)
    .headers({ ...kept.headers, [replayedHeader]: 'true' })
    .send(Buffer.from(kept.body));
}

/**
 * Hook that keeps a good reply before it is sent, so that whoever does not get it can ask again, and gives the key of any
 * other free. A streamed one is kept as it ends; one that its caller leaves is not.
 */
export function keepReplies(log: Log): onSendAsyncHookHandler {
  return async (request, reply, payload: unknown) => {
    const { heldKey } = request;
    if (!heldKey) return payload;
    const warn = (thrown: unknown) => {
      log.warn({ err: thrown, requestId: request.id }, 'a reply could not be kept for its Idempotency-Key');
    };
    const isGood = reply.statusCode < 400;
    const headers = keptHeaders(reply);
    const finish = async (body: Uint8Array) => {
      request.heldKey = null;
      await keep(heldKey, request, { status: reply.statusCode, headers, body }).catch(warn);
    };
    if (isGood && Buffer.isBuffer(payload)) await finish(payload);
    else if (isGood && isReadable(payload)) return gathered(payload, request, log, finish);
    else await giveFree(request, log);
    return payload;
  };
}

/** Gives the request's key free, where it still holds one: it failed, or its caller left. Never rejects. */
export async function giveFree(request: FastifyRequest, log: Log): Promise<void> {
  const { heldKey, id: requestId } = request;
  if (!heldKey) return;
  request.heldKey = null;
  const { accountId, key, keeper } = heldKey;
  try {
    await keeper.store.forget({ accountId, key, requestId });
  } catch (thrown) {
    log.warn({ err: thrown, requestId }, 'an Idempotency-Key could not be given free; it is when its time is over');
  }
}

async function keep({ keeper, accountId, key }: HeldKey, { id: requestId }: FastifyRequest, reply: KeptReply) {
  await keeper.store.finish({ accountId, key, requestId }, reply);
}

/** The body as it goes to the caller; kept once it is whole, if it is not too large and says nothing of a failure. */
function gathered(
  body: Readable,
  request: FastifyRequest,
  log: Log,
  finish: (body: Uint8Array) => Promise<void>,
): Readable {
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  const through = new Transform({
    transform(piece: Buffer, _encoding, done) {
      sizeBytes += piece.length;
      if (sizeBytes <= maxBodyBytes) pieces.push(piece);
      else pieces = [];
      done(null, piece);
    },
    flush(done) {
      const isWhole = sizeBytes <= maxBodyBytes && request.facts.errorCode === null;
      const end = isWhole ? finish(Buffer.concat(pieces)) : giveFree(request, log);
      end.then(() => done(), done);
    },
  });
  body.once('error', (error) => through.destroy(error));
  through.once('close', () => {
    body.destroy();
    const { heldKey, facts } = request;
    if (!heldKey) return;
    // Work that still runs gives the key free when it is over: it may be charged until then.
    heldKey.isLeft = true;
    if (facts.workMs !== null) void giveFree(request, log);
  });
  return body.pipe(through);
}

function isReadable(payload: unknown): payload is Readable {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload && typeof payload.pipe === 'function';
}

/** Those that say something about the answer; the others are about this connection and this moment. */
function keptHeaders(reply: FastifyReply): Record<string, string> {
  const kept = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    name === 'content-type' || name.startsWith('x-flux-') || name === 'openai-processing-ms' ? [[name, value]] : [],
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** Everything that was asked: the address, every field in the order of names, and the recording. */
async function hashOf(url: string, fields: ReadonlyMap<string, readonly string[]>, file: StoredAudio): Promise<string> {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([url.replace(/^\/v1/, ''), [...fields].sort(([left], [right]) => (left < right ? -1 : 1))]),
  );
  const pieces = file.path === null ? file.pieces : createReadStream(file.path);
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
