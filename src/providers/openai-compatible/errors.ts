import { z } from 'zod';
import { noComplaint, type VendorComplaint } from '../support/vendor-failure.ts';

const text = z.string().nullish().catch(null);
const code = z.union([z.string(), z.number()]).nullish().catch(null);

/** FastAPI's list of what is wrong with which field. */
const detailList = z.array(z.object({ msg: text, loc: z.array(z.union([z.string(), z.number()])).catch([]) }));

/** Hugging Face says with its 503 how many seconds a model still takes to load. */
const outerSchema = z.looseObject({
  error: z.unknown().optional(),
  detail: z.unknown().optional(),
  estimated_time: z.number().positive().nullish().catch(null),
});
/** What is said beyond ten minutes is a guess, and no caller waits so long. */
const longestLoadSeconds = 600;

const named = z.object({ message: text, code, type: text, param: text });

/** Fields that callers have, under the names that upstreams use for them. */
const callersFields: Readonly<Record<string, string>> = {
  file: 'file',
  audio: 'file',
  inputs: 'file',
  // OpenAI's newer models take the recording as a message and blame that.
  messages: 'file',
  language: 'language',
  languages: 'language',
  prompt: 'prompt',
  temperature: 'temperature',
};

/** Codes that blame the model's name, which the catalogue or the operator chose. 20012 is SiliconFlow's. */
const ourCodes: ReadonlySet<string> = new Set(['20012', 'model_not_found', 'model_not_available', 'invalid_model']);

/**
 * What an error body of the family says. Shapes: OpenAI's `{error: {message, type, param, code}}`, whisper.cpp's
 * `{error: "…"}`, Hugging Face's `{error: "…", estimated_time}`, SiliconFlow's `{code, message, data}` and bare strings, FastAPI's `{detail}` (Speaches, Mistral), vLLM's
 * and Mistral's `{object: "error", message, param, code}`.
 */
export function readComplaint(body: unknown): VendorComplaint {
  if (typeof body === 'string') return { ...noComplaint, message: looksLikeMarkup(body) ? null : body };
  const outer = outerSchema.safeParse(body);
  if (!outer.success) return noComplaint;
  const { error, detail, estimated_time: loadSeconds } = outer.data;
  if (typeof error === 'string') {
    const wait = loadSeconds ? { retryAfterSeconds: Math.ceil(Math.min(loadSeconds, longestLoadSeconds)) } : {};
    return { ...noComplaint, message: error, ...wait };
  }
  if (typeof detail === 'string') return { ...noComplaint, message: detail };
  const list = detailList.safeParse(detail);
  if (list.success) return fromDetails(list.data);
  const plain = named.safeParse(error ?? body);
  if (!plain.success) return noComplaint;
  const { message, param, type } = plain.data;
  const vendorCode = plain.data.code ? String(plain.data.code) : (type ?? null);
  const blamed = blame(param);
  const isOurs = blamed.isOurs || (vendorCode !== null && ourCodes.has(vendorCode));
  return { message: message ?? null, code: vendorCode, ...blamed, isOurs };
}

function fromDetails(details: z.infer<typeof detailList>): VendorComplaint {
  const [first] = details;
  const field = first?.loc.findLast((step) => typeof step === 'string' && step !== 'body');
  return { message: first?.msg ?? null, code: null, ...blame(field === undefined ? null : String(field)) };
}

/** Callers wrote the recording, the language, the prompt and the temperature; everything else was chosen here. */
function blame(param: string | null | undefined): Pick<VendorComplaint, 'param' | 'isOurs'> {
  if (!param) return { param: null, isOurs: false };
  const bare = param.replace(/\[.*$/, '');
  return Object.hasOwn(callersFields, bare)
    ? { param: callersFields[bare]!, isOurs: false }
    : { param: null, isOurs: true };
}

/** A proxy's error page says nothing to a caller. */
function looksLikeMarkup(body: string): boolean {
  return body.trimStart().startsWith('<');
}
