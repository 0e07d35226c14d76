import { z } from 'zod';
import { toLanguageCode } from '../core/language.ts';
import { responseFormats } from '../rendering/rendering-ask.ts';

/**
 * The form fields of the audio routes: what `transcription-request.ts` checks a form against, and what the OpenAPI
 * document shows. Values come as text; `transcription-request.ts` turns numbers and booleans into themselves first.
 */

const language = z
  .string()
  .max(64)
  .transform((spelling, context) => {
    const code = toLanguageCode(spelling);
    if (code !== null) return code;
    context.addIssue({ code: 'custom', message: 'there is no such language; send an ISO-639-1 code such as en' });
    return z.NEVER;
  });

const serverVad = z
  .strictObject({
    type: z.literal('server_vad'),
    prefix_padding_ms: z.number().int().min(0).max(10_000).optional(),
    silence_duration_ms: z.number().int().min(0).max(10_000).optional(),
    threshold: z.number().min(0).max(1).optional(),
  })
  .describe('Voice activity detection. Checked, but the engine cuts at silences by its own measure.');

const keyword = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^<>\r\n]*$/, 'a keyword is one line without < and >');

export const transcriptionFields = z.object({
  model: z.string().max(256).describe('A model or alias of GET /v1/models. Default: flux-voice.').optional(),
  language: language.describe('ISO-639-1 code, locale or English name. Left out or empty: found out.').optional(),
  languages: z.array(language).max(64).describe('Expected languages. One alone counts as `language`.').optional(),
  keywords: z.array(keyword).max(256).describe('Words to listen for.').optional(),
  prompt: z.string().describe('Names, jargon or style, for models that take a prompt.').optional(),
  response_format: z.enum(responseFormats).default('json'),
  temperature: z.number().min(0).max(1).describe('0 to 1, for models that sample.').optional(),
  timestamp_granularities: z
    .array(z.enum(['word', 'segment']))
    .describe('Which lists `verbose_json` carries. Default: segment.')
    .optional(),
  include: z
    .array(z.enum(['logprobs']))
    .describe('`logprobs` adds the log-probability of each token to `json`.')
    .optional(),
  stream: z.boolean().default(false).describe('Server-sent events, for every model.'),
  chunking_strategy: z.union([z.literal('auto'), serverVad]).optional(),
  known_speaker_names: z.array(z.string()).max(4).describe('Not yet supported.').optional(),
  known_speaker_references: z.array(z.string()).max(4).describe('Not yet supported.').optional(),
});

export type TranscriptionFields = z.infer<typeof transcriptionFields>;

const file = z
  .string()
  .meta({ format: 'binary' })
  .describe('The recording: flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav or webm, told by its content.');

/** The whole form as the OpenAPI document shows it; array fields carry brackets on the wire. */
export const transcriptionForm = z
  .object({
    file,
    ...transcriptionFields.omit({
      timestamp_granularities: true,
      include: true,
      languages: true,
      keywords: true,
      known_speaker_names: true,
      known_speaker_references: true,
    }).shape,
    'timestamp_granularities[]': transcriptionFields.shape.timestamp_granularities,
    'include[]': transcriptionFields.shape.include,
    'languages[]': transcriptionFields.shape.languages,
    'keywords[]': transcriptionFields.shape.keywords,
    'known_speaker_names[]': transcriptionFields.shape.known_speaker_names,
    'known_speaker_references[]': transcriptionFields.shape.known_speaker_references,
  })
  .meta({ id: 'TranscriptionForm' });

export const translationForm = z
  .object({
    file,
    ...transcriptionFields.pick({ model: true, language: true, prompt: true, temperature: true }).shape,
    response_format: z.enum(['json', 'text', 'srt', 'verbose_json', 'vtt']).default('json'),
    'timestamp_granularities[]': transcriptionFields.shape.timestamp_granularities,
  })
  .meta({ id: 'TranslationForm' });
