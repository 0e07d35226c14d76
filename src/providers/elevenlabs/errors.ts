import { z } from 'zod';
import { noComplaint, type VendorComplaint } from '../support/vendor-failure.ts';

const words = z.string().nullish().catch(null);

/** `status` in older replies, `code` in newer ones. */
const named = z.object({ message: words, code: words, status: words, param: words });

/** FastAPI's list of what is wrong with which field (422). */
const list = z.array(z.object({ msg: words, loc: z.array(z.union([z.string(), z.number()])).catch([]) })).min(1);

const complaintSchema = z.object({ detail: z.union([z.string(), list, named]) });

/** Fields that callers have, under ElevenLabs's names. */
const callersFields: Readonly<Record<string, string>> = {
  file: 'file',
  language_code: 'language',
  temperature: 'temperature',
};

/** Codes for what the catalogue or the adapter chose. */
const ourCodes: ReadonlySet<string> = new Set(['invalid_model_id', 'model_not_found', 'unsupported_model']);

/** Reads `{detail: {status, message}}`, `{detail: {type, code, message, param}}`, `{detail: [{loc, msg}]}`, `{detail: "…"}`. */
export function readElevenLabsComplaint(body: unknown): VendorComplaint {
  const parsed = complaintSchema.safeParse(body);
  if (!parsed.success) return noComplaint;
  const { detail } = parsed.data;
  if (typeof detail === 'string') return { ...noComplaint, message: detail };
  if (Array.isArray(detail)) {
    const [first] = detail;
    const field = first?.loc.findLast((step) => typeof step === 'string' && step !== 'body');
    return { message: first?.msg ?? null, code: null, ...blame(field === undefined ? null : String(field)) };
  }
  const code = detail.code ?? detail.status ?? null;
  const blamed = blame(detail.param ?? null);
  return {
    message: detail.message ?? null,
    code,
    ...blamed,
    isOurs: blamed.isOurs || (code !== null && ourCodes.has(code)),
  };
}

function blame(field: string | null): Pick<VendorComplaint, 'param' | 'isOurs'> {
  if (field === null) return { param: null, isOurs: false };
  return Object.hasOwn(callersFields, field)
    ? { param: callersFields[field]!, isOurs: false }
    : { param: null, isOurs: true };
}
