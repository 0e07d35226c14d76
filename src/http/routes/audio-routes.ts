import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { accessOf, mayUseModel } from '../../auth/access.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Gate } from '../../limits/gate.ts';
import type { Overload } from '../../limits/overload.ts';
import type { TranscribeAsk, TranscribeOutcome } from '../../pipeline/transcribe-file.ts';
import type { HttpLimits } from '../http-limits.ts';
import type { HttpParts } from '../http-parts.ts';
import { receiveForm, requireMultipart } from '../intake/receive-form.ts';
import { type Spool, type SpooledFile, tooLarge } from '../intake/spool.ts';
import { giveFree, keepReplies, sendKept, takeKey } from '../keep-replies.ts';
import { limitRequests, takeAudio } from '../limit-requests.ts';
import { payerOf } from '../payer.ts';
import { recordRefusals } from '../record-refusals.ts';
import { type ReplyContext, setFormHeaders } from '../reply/reply-context.ts';
import { sendStream } from '../reply/stream-reply.ts';
import { sendWhole } from '../reply/whole-reply.ts';
import { requireKey } from '../require-key.ts';
import { requirePlan, uploadCeiling } from '../require-plan.ts';
import { transcriptionForm, translationForm } from '../transcription-fields.ts';
import { readTranscriptionRequest, type TranscriptionRequest } from '../transcription-request.ts';
import { transcriptionResponses } from '../wire-schemas.ts';

type Task = 'transcribe' | 'translate';
type OnEvent = Parameters<HttpParts['transcribe']>[2];

interface Intake {
  readonly spool: Spool;
  readonly gate: Gate;
  readonly overload: Overload;
}

/** `POST /audio/transcriptions` and `POST /audio/translations`, under `/v1` and at the root. */
export function audioRoutes(app: FastifyInstance, parts: HttpParts, intake: Intake): void {
  const onRequest = (task: Task) => [
    recordRefusals(parts.recordRefusal ?? null, task),
    requireKey(parts.auth, 'transcribe'),
    requirePlan,
    limitRequests(parts.limiter ?? null, intake.overload),
    requireForm(parts.limits),
  ];
  const onSend = keepReplies(parts.log);
  for (const prefix of ['/v1', '']) {
    const common = {
      tags: ['audio'],
      consumes: ['multipart/form-data'],
      response: transcriptionResponses,
      hide: prefix === '',
    };
    app.post(
      `${prefix}/audio/transcriptions`,
      {
        onRequest: onRequest('transcribe'),
        onSend,
        // The form is read as a stream and checked by readTranscriptionRequest; this schema is for the document.
        validatorCompiler: () => () => true,
        schema: {
          ...common,
          operationId: 'createTranscription',
          summary: 'Transcribe a recording',
          body: transcriptionForm,
        },
      },
      (request, reply) => answer(request, reply, 'transcribe', parts, intake),
    );
    app.post(
      `${prefix}/audio/translations`,
      {
        onRequest: onRequest('translate'),
        onSend,
        validatorCompiler: () => () => true,
        schema: {
          ...common,
          operationId: 'createTranslation',
          summary: 'Translate a recording into English',
          body: translationForm,
        },
      },
      (request, reply) => answer(request, reply, 'translate', parts, intake),
    );
  }
}

/** Refuses by what the headers announce, before a byte of the body has been read; a length that they hide is counted. */
function requireForm({ maxUploadBytes, maxFormOverheadBytes }: HttpLimits) {
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    requireMultipart(request.headers);
    const announced = Number(request.headers['content-length']);
    const ceiling = uploadCeiling(request.facts.principal, maxUploadBytes);
    if (announced > ceiling + maxFormOverheadBytes) throw tooLarge(ceiling);
    done();
  };
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  task: 'transcribe' | 'translate',
  parts: HttpParts,
  intake: Intake,
): Promise<FastifyReply> {
  const { fields, otherFiles, file } = await receive(request, parts, intake);
  try {
    const form = readTranscriptionRequest(fields, otherFiles, task, parts.defaultModel);
    setFormHeaders({ reply, form });
    request.facts.model = form.model;
    requireModel(request, form, parts);
    const recording = requireFile(file);
    const kept = await takeKey(request, parts.replies, fields, recording);
    if (kept) {
      await file?.dispose();
      return sendKept(reply, kept);
    }
    const onLength = (durationMs: number) => takeAudio(request, reply, durationMs);
    const ask = { ...toAsk(request, recording, form, task), onLength };
    const context: ReplyContext = { request, reply, form, task, limits: parts.limits, log: parts.log };
    const signal = hangUpSignal(reply);
    const transcribe = (onEvent?: OnEvent) =>
      work(request, file, parts.log, () => parts.transcribe(ask, signal, onEvent));
    return form.stream ? await sendStream(context, transcribe) : await sendWhole(context, transcribe());
  } catch (thrown) {
    await file?.dispose();
    throw thrown;
  }
}

/** Aborted when the caller leaves before the answer is complete: that reaches the engine and every upstream. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const hangUp = new AbortController();
  const abort = () => {
    if (reply.raw.writableFinished) return;
    hangUp.abort(new GatewayError('client_closed_request', 'The caller hung up before the answer was complete.'));
  };
  if (reply.raw.destroyed) abort();
  else reply.raw.once('close', abort);
  return hangUp.signal;
}

/** Runs the pipeline, notes what came of it, and removes the upload as soon as nobody needs it, whatever the outcome. */
async function work(
  request: FastifyRequest,
  file: SpooledFile | null,
  log: Log,
  transcribe: () => Promise<TranscribeOutcome>,
): Promise<TranscribeOutcome> {
  const startedAt = performance.now();
  try {
    const outcome = await transcribe();
    const { facts } = request;
    facts.workMs = Math.round(performance.now() - startedAt);
    facts.routedModel = outcome.routedModel;
    facts.audioMs = outcome.transcript.durationMs;
    if (request.heldKey?.isLeft) await giveFree(request, log);
    return outcome;
  } catch (thrown) {
    await giveFree(request, log);
    throw thrown;
  } finally {
    await file?.dispose();
  }
}

/** Receives the form under one of the permits for uploads, and counts it. */
async function receive(request: FastifyRequest, parts: HttpParts, { spool, gate }: Intake) {
  const permit = gate.enter();
  parts.metrics.uploadsChanged(1);
  try {
    const maxUploadBytes = uploadCeiling(request.facts.principal, parts.limits.maxUploadBytes);
    const form = await receiveForm(request.raw, spool, { ...parts.limits, maxUploadBytes });
    request.facts.receivedBytes = form.receivedBytes;
    return form;
  } finally {
    permit.release();
    parts.metrics.uploadsChanged(-1);
  }
}

function requireFile(file: SpooledFile | null): SpooledFile {
  if (!file) {
    throw new GatewayError('missing_file', "The form has no part named 'file'. Send the recording in one.", {
      param: 'file',
    });
  }
  if (file.sizeBytes === 0)
    throw new GatewayError('missing_file', "The part named 'file' is empty.", { param: 'file' });
  return file;
}

/** A key with a list of models may use those and no other, by whichever of a model's names. */
function requireModel(request: FastifyRequest, form: TranscriptionRequest, parts: HttpParts): void {
  const { principal } = request.facts;
  if (!principal || mayUseModel(principal, form.model)) return;
  const known = parts.models.find(form.model, undefined, accessOf(principal).allowedModels);
  if (!known || mayUseModel(principal, known.id)) return;
  throw new GatewayError('model_not_allowed', `This key may not use the model '${known.id}'.`, { param: 'model' });
}

function toAsk(
  { id: requestId, facts, heldKey, headers: { traceparent } }: FastifyRequest,
  stored: SpooledFile,
  form: TranscriptionRequest,
  task: 'transcribe' | 'translate',
): TranscribeAsk {
  const { principal } = facts;
  const { model, language, prompt, temperature, wantWords, needsWords, wantLogprobs } = form;
  const access = principal && accessOf(principal);
  return {
    requestId,
    stored,
    model,
    task,
    language,
    prompt,
    temperature,
    wantWords,
    needsWords,
    wantLogprobs,
    eventsAreReply: form.stream,
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(access && { access }),
    ...(principal && { payer: payerOf(principal, facts) }),
    ...(heldKey && { chargeKey: heldKey.chargeKey }),
  };
}
