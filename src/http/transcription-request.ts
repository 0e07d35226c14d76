import type { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { ResponseFormat } from '../rendering/rendering-ask.ts';
import { type TranscriptionFields, transcriptionFields } from './transcription-fields.ts';

/** A checked form: what is to be done, and what of it the door itself cannot honour. */
export interface TranscriptionRequest {
  readonly model: string;
  readonly language: string | null;
  readonly prompt: string | null;
  readonly temperature: number | null;
  readonly format: ResponseFormat;
  readonly stream: boolean;
  /** Lists of `verbose_json`. */
  readonly showSegments: boolean;
  readonly showWords: boolean;
  /** Word times are needed: to be shown, to cut long subtitles at them, or to part the text into segments at sentences. */
  readonly wantWords: boolean;
  /** Of what `wantWords` is for, the times of words themselves: to be shown, or to cut subtitles at. */
  readonly needsWords: boolean;
  readonly wantLogprobs: boolean;
  /** Fields that are understood but change nothing, for `x-flux-unmet`. */
  readonly unmet: readonly string[];
  /** Fields that nobody knows, for `x-flux-ignored-fields`. */
  readonly ignored: readonly string[];
}

type FieldName = keyof TranscriptionFields;
type Form = ReadonlyMap<string, readonly string[]>;

const listFields: ReadonlySet<string> = new Set([
  'languages',
  'keywords',
  'timestamp_granularities',
  'include',
  'known_speaker_names',
  'known_speaker_references',
]);
/** Lists whose items hold no comma, so that `word,segment` can only mean two. */
const commaFields: ReadonlySet<string> = new Set(['languages', 'timestamp_granularities', 'include']);
const numberFields: ReadonlySet<string> = new Set(['temperature']);
const booleanFields: ReadonlySet<string> = new Set(['stream']);

/**
 * Reads a form's text fields. Takes every spelling that clients are known to send: lists as `name[]`, `name`, `name[0]`,
 * repeated or with commas; `chunking_strategy` as `auto`, JSON text or bracket keys; empty text as absence.
 * Throws GatewayError `invalid_value` or `unsupported_value` with `param`.
 */
export function readTranscriptionRequest(
  form: Form,
  otherFiles: readonly string[],
  task: 'transcribe' | 'translate',
  defaultModel: string,
): TranscriptionRequest {
  const { values, ignored } = collect(form);
  const parsed = transcriptionFields.safeParse(values);
  if (!parsed.success) throw invalidField(parsed.error.issues[0]);
  const fields = parsed.data;
  refuseUnsupported(fields, task);
  const { response_format: format, languages = [], timestamp_granularities: granularities = [] } = fields;
  const showWords = granularities.includes('word');
  return {
    model: fields.model ?? defaultModel,
    language: fields.language ?? (languages.length === 1 ? languages[0]! : null),
    prompt: fields.prompt ?? null,
    temperature: fields.temperature ?? null,
    format,
    stream: fields.stream,
    showSegments: granularities.length === 0 || granularities.includes('segment'),
    showWords,
    wantWords: format !== 'json' && format !== 'text',
    needsWords: format === 'srt' || format === 'vtt' || (format === 'verbose_json' && showWords),
    wantLogprobs: fields.include?.includes('logprobs') ?? false,
    unmet: unmetByTheDoor(fields),
    ignored: [...ignored, ...otherFiles],
  };
}

function collect(form: Form): { values: Record<string, unknown>; ignored: string[] } {
  const values: Record<string, unknown> = {};
  const ignored: string[] = [];
  const lists = new Map<string, string[]>();
  let strategy: Record<string, unknown> | null = null;
  for (const [wireName, texts] of form) {
    const bracket = /^([a-z_]+)\[([a-z_]*|\d{1,4})\]$/.exec(wireName);
    const name = bracket ? bracket[1]! : wireName;
    const key = bracket?.[2] ?? null;
    if (name === 'chunking_strategy' && key) {
      strategy ??= {};
      strategy[key] = key === 'type' ? texts[0] : numberOf(only(texts, name));
    } else if (listFields.has(name) && (key === null || /^\d*$/.test(key))) {
      const items = commaFields.has(name) ? texts.flatMap((text) => text.split(',')).map((item) => item.trim()) : texts;
      const list = lists.get(name) ?? [];
      list.push(...items.filter((item) => item !== ''));
      lists.set(name, list);
    } else if (Object.hasOwn(transcriptionFields.shape, name) && key === null) {
      const value = readValue(name, only(texts, name));
      if (value !== undefined) values[name] = value;
    } else {
      ignored.push(wireName);
    }
  }
  if (strategy) values.chunking_strategy = strategy;
  for (const [name, list] of lists) {
    // A list of nothing but empty text is as good as none.
    if (list.length > 0) values[name] = list;
  }
  return { values, ignored };
}

/** A field that takes one value may be sent twice only with the same: which of two is meant, nobody can know. */
function only(texts: readonly string[], name: string): string {
  const first = texts[0] ?? '';
  if (texts.some((text) => text !== first)) {
    throw new GatewayError('invalid_value', `'${name}' was sent more than once with different values.`, {
      param: name,
    });
  }
  return first;
}

function readValue(name: string, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (numberFields.has(name)) return numberOf(trimmed);
  if (booleanFields.has(name)) return booleanOf(trimmed);
  if (name === 'chunking_strategy' && trimmed.startsWith('{')) return objectOf(trimmed);
  return name === 'prompt' ? text : trimmed;
}

/** What cannot be read stays text, and the schema says what was expected. */
function numberOf(text: string): unknown {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : text;
}

function booleanOf(text: string): unknown {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  if (lower === 'false' || lower === '0') return false;
  return text;
}

function objectOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    throw new GatewayError('invalid_value', "'chunking_strategy' is neither 'auto' nor a JSON object.", {
      param: 'chunking_strategy',
    });
  }
}

function invalidField(issue: z.core.$ZodIssue | undefined): GatewayError {
  const [field, ...rest] = issue?.path ?? [];
  const param = String(field ?? 'body');
  const where = rest.length > 0 ? `'${param}' (${rest.join('.')})` : `'${param}'`;
  return new GatewayError('invalid_value', `Invalid value for ${where}: ${reasonOf(issue)}.`, { param });
}

/** Zod's message for a union says only that nothing fitted; the branch that came closest says why. */
function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_union') {
    const closest = issue.errors.flat().find((one) => one.path.length > 0);
    if (closest) return `${closest.path.join('.')}: ${reasonOf(closest)}`;
    return "expected 'auto' or an object of type 'server_vad'";
  }
  return issue?.message.replace(/\.$/, '') ?? 'it cannot be read';
}

function refuseUnsupported(fields: TranscriptionFields, task: 'transcribe' | 'translate'): void {
  const refuse = (param: FieldName, message: string) => {
    throw new GatewayError('unsupported_value', message, { param });
  };
  const { response_format: format, stream, language, languages = [] } = fields;
  if (language !== undefined && languages.length > 0) {
    throw new GatewayError('invalid_value', "Send either 'language' or 'languages', not both.", { param: 'languages' });
  }
  for (const param of ['known_speaker_names', 'known_speaker_references'] as const) {
    if (fields[param] && fields[param].length > 0) {
      refuse(param, 'Known speakers cannot be told apart: no installed model does speaker recognition.');
    }
  }
  if (fields.include && fields.include.length > 0 && format !== 'json') {
    refuse('include', "Log-probabilities come with response_format 'json' only.");
  }
  if (stream && (format === 'srt' || format === 'vtt' || format === 'verbose_json')) {
    refuse('stream', `'${format}' cannot be streamed. Stream 'json', 'text' or 'diarized_json', or leave stream out.`);
  }
  if (task === 'translate') {
    if (stream) refuse('stream', 'Translations cannot be streamed.');
    if (format === 'diarized_json') refuse('response_format', "Translations have no 'diarized_json'.");
    if (fields.include && fields.include.length > 0) refuse('include', 'Translations have no log-probabilities.');
  }
}

/** The engine cuts at silences by its own measure and takes no word list: such wishes are reported, not dropped. */
function unmetByTheDoor(fields: TranscriptionFields): string[] {
  const unmet: string[] = [];
  if (fields.keywords && fields.keywords.length > 0) unmet.push('keywords');
  if (fields.languages && fields.languages.length > 1) unmet.push('languages');
  if (typeof fields.chunking_strategy === 'object' && Object.keys(fields.chunking_strategy).length > 1) {
    unmet.push('chunking_strategy');
  }
  return unmet;
}
