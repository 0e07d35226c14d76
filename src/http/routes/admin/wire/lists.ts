import { z } from 'zod';
import { defaultPageSize, maxPageSize, type Page, type PageAsk } from '../../../../core/page.ts';

/** The query of every list. */
export const pageQuery = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxPageSize)
    .default(defaultPageSize)
    .describe('Most entries in the reply.'),
  cursor: z.string().max(2_048).optional().describe('`next_cursor` of the page before; the first page without it.'),
});

export function pageAsk({ limit, cursor }: z.infer<typeof pageQuery>): PageAsk {
  return { limit, cursor: cursor ?? null };
}

/** The body of every list. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item),
    next_cursor: z.string().nullable().describe('Where the next page starts; null: this was the last one.'),
  });
}

export function listBody<Item, Wire>(page: Page<Item>, toWire: (item: Item) => Wire) {
  return { data: page.items.map(toWire), next_cursor: page.nextCursor };
}

/** A list that is short enough for one reply, in the shape of the others. */
export function wholeList<Item, Wire>(items: readonly Item[], toWire: (item: Item) => Wire) {
  return { data: items.map(toWire), next_cursor: null };
}
