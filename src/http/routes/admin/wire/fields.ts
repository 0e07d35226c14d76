import { z } from 'zod';
import { parseDollars } from '../../../../core/money.ts';

/** Longest text that an operator gives a thing: a name, a memo, a reference. */
export const maxTextLength = 200;
/** Most that one movement, budget or price may be: a billion dollars, as in the ledger. */
const maxDollars = 1_000_000_000;
/** Nothing here is older, and databases know no year 0. */
const earliest = Date.UTC(2000, 0, 1);

/** A text that every database, log and CSV file can hold: no control characters, no half of a character. */
export function text(maxLength = maxTextLength) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'It has characters that cannot be kept.');
}

/** An id that we gave: opaque, in printable ASCII. */
export const opaqueId = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'This is no id.')
  .describe('Opaque.');

/** Dollars as the caller writes them; nano-dollars here. */
export const dollars = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,9})?$/, 'It must be a decimal string in US dollars with up to nine places, such as "10.50".')
  .refine((value) => Number.parseInt(value, 10) < maxDollars || /^0*1000000000(\.0+)?$/.test(value), {
    error: 'It must be a billion dollars at most.',
    abort: true,
  })
  .transform(parseDollars)
  .describe('US dollars as a decimal string with up to nine places.');

/** As `dollars`, and more than nothing. */
export const positiveDollars = dollars.refine((nanos) => nanos > 0n, 'It must be more than 0.');

/** Dollars as we write them: always nine places. */
export const dollarsOut = z.string().describe('US dollars, a decimal string with nine places.');

/** A moment as the caller writes it: a day (its start in UTC) or a time with its offset. */
export const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'It must be a day such as 2026-11-21 or a time such as 2026-11-21T18:00:00Z.',
  })
  .transform((value) => new Date(value))
  .refine((value) => value.getTime() >= earliest, 'It must be in the year 2000 or later.')
  .describe('ISO 8601: a day in UTC, or a time with its offset.');

/** A moment as we write it. */
export const momentOut = z.iso.datetime().describe('ISO 8601 in UTC.');

/** A limit per minute or at once; null: none. */
export const limit = z.number().int().min(1).max(1_000_000_000).nullable();

export const modelNames = z.array(text(512)).max(1_000).nullable().describe('Models and aliases; null: all.');
