import type { z } from 'zod';
import type { OutboundReply } from '../../net/guarded-fetch.ts';
import { nonsense } from './vendor-failure.ts';

/** The body of a success as JSON of the shape that the adapter reads. Anything else is the provider's fault (`bad_gateway`). */
export async function readVendorJson<Schema extends z.ZodType>(
  reply: OutboundReply,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parseVendorJson(await reply.text(), schema);
}

/** The same for one message of a stream or socket. */
export function parseVendorJson<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
  if (text.trim() === '') throw nonsense('is empty');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw nonsense('is not JSON', nameOf(thrown));
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw nonsense(
    'has an unknown shape',
    new Error(parsed.error.issues.map((one) => `${one.path.join('.')}: ${one.code}`).join('; ')),
  );
}

/** The parser's own message quotes the text, which may be somebody's words. */
function nameOf(thrown: unknown): Error {
  return new Error(thrown instanceof Error ? thrown.name : 'unknown');
}
