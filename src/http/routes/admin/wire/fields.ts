import { z } from 'zod';
import { parseDollars } from '../../../../core/money.ts';

/** Longest text that an operator gives a thing: a name, a memo, a reference. */
export const maxTextLength = 200;

/** A text that every database, log and CSV file can hold: no control characters, no half of a character. */
export function text(maxLength = maxTextLength) {
  return (
    z
      .string()
      .min(1)
      .max(maxLength)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
      .regex(/^[^\u0000-\u001f\u007f-\u009f]+$/, 'It has characters that cannot be kept.')
      .refine((value) => value.isWellFormed(), 'It has characters that cannot be kept.')
  );
}

/** An id that we gave: opaque, in printable ASCII. */
export const opaqueId = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'This is no id.')
  .describe('Opaque.');

/**
 * Dollars as the caller writes them; nano-dollars here. Most that one movement, budget or price may be is a billion
 * dollars, as in the ledger.
 */
export const dollars = z
  .string()
  .regex(
    /^(\d{1,9}(\.\d{1,9})?|1000000000(\.0{1,9})?)$/,
    'It must be a decimal string in US dollars, a billion at most, with up to nine places, such as "10.50".',
  )
  .transform(parseDollars)
  .describe('US dollars as a decimal string with up to nine places.');

/** As `dollars`, and more than nothing. */
export const positiveDollars = z
  .string()
  .regex(
    /^(?=.*[1-9])(\d{1,9}(\.\d{1,9})?|1000000000(\.0{1,9})?)$/,
    'It must be a decimal string in US dollars, more than 0 and a billion at most, with up to nine places, such as "10.50".',
  )
  .transform(parseDollars)
  .describe('US dollars above 0 as a decimal string with up to nine places.');

/** Dollars as we write them: always nine places. */
export const dollarsOut = z.string().describe('US dollars, a decimal string with nine places.');

/** Nothing here is older, and databases know no year 0. */
const thisMillennium = /^[2-9]/;

/** A moment as the caller writes it: a day (its start in UTC) or a time with its offset. */
export const moment = z
  .union([z.iso.date().regex(thisMillennium), z.iso.datetime({ offset: true }).regex(thisMillennium)], {
    error: 'It must be a day such as 2026-11-21 or a time such as 2026-11-21T18:00:00Z, in the year 2000 or later.',
  })
  .transform((value) => new Date(value))
  .describe('ISO 8601: a day in UTC, or a time with its offset.');

/** A moment as we write it. */
export const momentOut = z.iso.datetime().describe('ISO 8601 in UTC.');

/** A limit per minute or at once; null: none. */
export const limit = z.number().int().min(1).max(1_000_000_000).nullable();

export const modelNames = z.array(text(512)).max(1_000).nullable().describe('Models and aliases; null: all.');
