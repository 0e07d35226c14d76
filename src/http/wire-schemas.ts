import { z } from 'zod';

/** The JSON bodies of the API as the OpenAPI document shows them; `rendering` makes the transcripts among them. */

export const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      code: z.string(),
      param: z.string().nullable().describe('The request field at fault.'),
      origin: z.enum(['router', 'provider']),
    }),
  })
  .meta({ id: 'Error' });

const usage = z
  .union([
    z.object({ type: z.literal('duration'), seconds: z.number() }),
    z.object({
      type: z.literal('tokens'),
      input_tokens: z.number().int(),
      output_tokens: z.number().int(),
      total_tokens: z.number().int(),
      input_token_details: z.object({ audio_tokens: z.number().int(), text_tokens: z.number().int() }),
    }),
  ])
  .meta({ id: 'Usage' });

const warning = z.object({
  type: z.literal('speech_not_transcribed'),
  message: z.string(),
  start: z.number().describe('Seconds'),
  end: z.number().describe('Seconds'),
});

const logprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number().int()) });

const transcription = z
  .object({
    text: z.string(),
    language: z.string().describe('ISO-639-1; left out where nobody spoke.').optional(),
    languages: z.array(z.object({ code: z.string() })),
    duration: z.number().describe('Seconds'),
    logprobs: z.array(logprob).optional(),
    warnings: z.array(warning).optional(),
    usage,
  })
  .meta({ id: 'Transcription' });

const verboseTranscription = z
  .object({
    task: z.enum(['transcribe', 'translate']),
    language: z.string().describe('Lower-case English name; `unknown` where nobody spoke.'),
    duration: z.number().describe('Seconds'),
    text: z.string(),
    segments: z
      .array(
        z.object({
          id: z.number().int(),
          seek: z.number().int(),
          start: z.number(),
          end: z.number(),
          text: z.string(),
          tokens: z.array(z.number().int()),
          temperature: z.number(),
          avg_logprob: z.number(),
          compression_ratio: z.number(),
          no_speech_prob: z.number(),
          confidence: z.number().optional(),
          speaker: z.string().optional(),
        }),
      )
      .optional(),
    words: z
      .array(
        z.object({
          word: z.string(),
          start: z.number(),
          end: z.number(),
          confidence: z.number().optional(),
          speaker: z.string().optional(),
        }),
      )
      .optional(),
    warnings: z.array(warning).optional(),
    usage,
  })
  .meta({ id: 'VerboseTranscription' });

const diarizedTranscription = z
  .object({
    task: z.enum(['transcribe', 'translate']),
    duration: z.number().describe('Seconds'),
    text: z.string(),
    segments: z.array(
      z.object({
        type: z.literal('transcript.text.segment'),
        id: z.string(),
        start: z.number(),
        end: z.number(),
        text: z.string(),
        speaker: z.string(),
      }),
    ),
    language: z.string().optional(),
    warnings: z.array(warning).optional(),
    usage,
  })
  .meta({ id: 'DiarizedTranscription' });

/** Responses of the audio routes, for the OpenAPI document. */
export const transcriptionResponses = {
  200: {
    description: 'The transcript, in the shape of `response_format`; server-sent events with `stream`.',
    content: {
      'application/json': { schema: z.union([transcription, verboseTranscription, diarizedTranscription]) },
      'text/plain': { schema: z.string() },
      // Each event's shape: docs/reference/api.md. A document of OpenAPI 3.1 has no place for it.
      'text/event-stream': { schema: z.unknown() },
    },
  },
  '4xx': errorBody,
  '5xx': errorBody,
};

export const modelBody = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.number().int().describe('Seconds since the Unix epoch'),
    owned_by: z.string(),
    shutdown_date: z.null(),
    name: z.string(),
    description: z.string(),
    alias_of: z.array(z.string()).nullable(),
    fallbacks: z.array(z.string()).describe('Models that stand in for it where it fails, in order.'),
    capabilities: z.array(z.string()),
    languages: z.array(z.string()).describe('ISO-639-1 codes; `*` alone means any.'),
    response_formats: z.array(z.string()),
    audio_formats: z.array(z.string()).describe('Kinds of files that it takes, by their usual endings.'),
    pricing: z.object({
      per_minute_usd: z.string(),
      minimum_seconds: z.number(),
      per_million_tokens: z
        .object({ input_usd: z.string(), audio_usd: z.string(), output_usd: z.string() })
        .nullable()
        .describe('Charged instead of the length where the provider counts tokens.'),
    }),
    limits: z.object({
      max_upload_bytes: z.number().int(),
      max_audio_seconds: z.number().nullable(),
      per_call: z
        .object({ max_upload_bytes: z.number().int().nullable(), max_audio_seconds: z.number().nullable() })
        .describe("The provider's own ceilings; recordings above them are cut."),
    }),
    health: z.enum(['ready', 'degraded', 'not-installed', 'unavailable']),
  })
  .meta({ id: 'Model' });

export const modelListBody = z
  .object({ object: z.literal('list'), data: z.array(modelBody) })
  .meta({ id: 'ModelList' });

const plannedAttempt = z.object({
  provider: z.string(),
  model: z.string(),
  why: z.string().describe('In words: when it is asked.'),
  adds: z
    .array(z.string())
    .describe('Times that the format needs and the model does not give: they are found here, in the sound.'),
  breaker: z
    .enum(['closed', 'probing', 'open'])
    .describe('`probing`: one request at a time finds out if it works again.'),
  own_price_per_minute_usd: z
    .string()
    .nullable()
    .describe('What a minute costs who asks for this model by its own name; the price of the request is in `pricing`.'),
  pieces: z
    .object({
      max_seconds: z.number().nullable(),
      max_upload_bytes: z.number().int().nullable(),
      max_parallel_calls: z.number().int(),
    })
    .nullable()
    .describe('How the recording is cut for it; null: one call takes it.'),
});

export const routeExplanationBody = z
  .object({
    object: z.literal('route_explanation'),
    model: z.string().describe('As it was asked for.'),
    resolved_name: z.string().describe('Its name in the catalogue; the price is that of this name, whoever answers.'),
    pricing: z.object({
      per_minute_usd: z.string(),
      minimum_seconds: z.number(),
      by_tokens: z.boolean().describe('Tokens are charged instead where the provider counts them.'),
    }),
    opening: plannedAttempt
      .extend({ keep_above_confidence: z.number().describe('Its answer stands from this mean word confidence on.') })
      .nullable()
      .describe('A cheap first pass; where it is unsure, the attempts follow.'),
    attempts: z.array(plannedAttempt).describe('In order: the next one is asked where one fails.'),
    rejected: z.array(
      z.object({
        provider: z.string(),
        model: z.string(),
        why: z.string().describe('In words.'),
        code: z.enum([
          'not-available',
          'language',
          'feature',
          'not-allowed',
          'leaves-machine',
          'too-expensive',
          'breaker-open',
        ]),
        retry_after_seconds: z.number().int().nullable(),
      }),
    ),
    error: z
      .object({ code: z.string(), status: z.number().int(), message: z.string() })
      .nullable()
      .describe('What a request would be answered at once; null: it would be tried.'),
  })
  .meta({ id: 'RouteExplanation' });

const pullTask = z.object({
  status: z.enum(['waiting', 'running', 'done', 'failed']),
  phase: z.enum(['fetch', 'convert', 'import']),
  from: z.string().nullable().describe('Where the bytes come from at this moment.'),
  done_bytes: z.number().int().describe('Of the transfer or the conversion at hand.'),
  total_bytes: z.number().int().nullable(),
  started_at: z.number().int().describe('Seconds since the Unix epoch'),
  ended_at: z.number().int().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  restart_needed: z.boolean().describe('It is installed, and this server will serve it after a restart.'),
});

export const storedModelBody = z
  .object({
    id: z.string(),
    object: z.literal('stored_model'),
    kind: z.string().describe('`recogniser` models serve requests, the others help them.'),
    loader: z.string(),
    state: z.enum(['installed', 'imported', 'not-installed']),
    size_bytes: z.number().int().nullable(),
    languages: z.array(z.string()),
    models: z.array(z.string()).describe('Names under which `/v1` takes it.'),
    licence: z.string(),
    homepage: z.string().nullable(),
    files: z.array(
      z.object({
        name: z.string(),
        size_bytes: z.number().int().nullable(),
        sha256: z.string().nullable(),
        from: z.string().nullable().describe('Where the file that is here came from.'),
      }),
    ),
    sources: z.array(z.string()).describe('Where it can be had, in the order in which it is tried.'),
    task: pullTask.nullable().describe('The latest pull since the server started.'),
  })
  .meta({ id: 'StoredModel' });

export const storedModelListBody = z
  .object({ object: z.literal('list'), data: z.array(storedModelBody) })
  .meta({ id: 'StoredModelList' });

export const storedModelRemovedBody = z.object({
  id: z.string(),
  object: z.literal('stored_model'),
  deleted: z.literal(true),
  restart_needed: z.boolean(),
});

export const healthBody = z.object({ status: z.enum(['ok', 'starting']), version: z.string(), model: z.string() });
export const readyBody = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) });
