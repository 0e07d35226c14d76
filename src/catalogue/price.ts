import { z } from 'zod';
import { formatDollars, parseDollars } from '../core/money.ts';

/** US dollars as text: no binary fraction ever stands between a catalogue and a bill. */
const dollars = z.string().regex(/^\d{1,12}(\.\d{1,9})?$/, 'a dollar amount in quotes, with at most nine places');
/** Sixty of them still are a dollar amount. */
const smallDollars = z.string().regex(/^\d{1,10}(\.\d{1,9})?$/, 'a dollar amount in quotes, with at most nine places');

/**
 * What a model or an alias costs: by the minute or, which is the same with another number, by the second, charged per
 * millisecond. With token prices an answer is charged by the tokens that its vendor counted; by the length where it
 * tells none, so that a length price is always there.
 */
export const priceSchema = z
  .strictObject({
    per_minute_usd: dollars.optional(),
    per_second_usd: smallDollars.optional(),
    per_million_input_tokens_usd: dollars.optional(),
    /** The audio among the input; as the other input when left out. */
    per_million_audio_tokens_usd: dollars.optional(),
    per_million_output_tokens_usd: dollars.optional(),
    /** Of a minute that was heard with an account's own key for its vendor; nothing when left out. */
    own_key_per_minute_usd: dollars.optional(),
    /** Shorter audio is billed as this much. */
    minimum_seconds: z.number().min(0).max(3600).default(0),
  })
  .refine((price) => (price.per_minute_usd === undefined) !== (price.per_second_usd === undefined), {
    error:
      'needs per_minute_usd or per_second_usd, and not both (beside token prices it is what an answer without a count costs)',
  })
  .refine(
    ({
      per_million_input_tokens_usd: input,
      per_million_output_tokens_usd: output,
      per_million_audio_tokens_usd: audio,
    }) => (input === undefined) === (output === undefined) && (audio === undefined || input !== undefined),
    { error: 'token prices need per_million_input_tokens_usd and per_million_output_tokens_usd' },
  )
  .refine((price) => price.per_million_input_tokens_usd === undefined || isAboveZero(price), {
    error: 'token prices need a price for the length above 0, which an answer without a count costs',
  })
  .transform(({ per_second_usd: perSecond, per_minute_usd: perMinute, ...others }) => ({
    ...others,
    per_minute_usd: perMinute ?? withoutZeros(formatDollars(60n * parseDollars(perSecond ?? '0'))),
  }));

/** `0.006000000` → `0.006`; whole cents keep both of their places. */
function withoutZeros(text: string): string {
  return text.replace(/(\.\d\d\d*?)0+$/, '$1');
}

function isAboveZero(price: {
  readonly per_minute_usd?: string | undefined;
  readonly per_second_usd?: string | undefined;
}) {
  return /[1-9]/.test(price.per_minute_usd ?? price.per_second_usd ?? '');
}
