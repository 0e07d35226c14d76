import { z } from 'zod';
import { momentOut } from './fields.ts';

/** A minute is long enough for a page to connect; no body at all is a body with nothing in it. */
export const newToken = z
  .preprocess(
    (body) => body ?? {},
    z.strictObject({
      ttl_seconds: z.number().int().min(1).max(3_600).default(60).describe('How long it opens sockets.'),
    }),
  )
  .meta({ example: { ttl_seconds: 300 } });

export const tokenBody = z
  .object({ token: z.string(), expires_at: momentOut })
  .meta({ id: 'BrowserToken', description: 'Opens live sockets from a web page, and nothing else.' });

/** As Deepgram's clients read it. */
export const grantBody = z
  .object({
    access_token: z.string(),
    expires_in: z.number().describe('Seconds'),
    token: z.string().describe('The same as `access_token`.'),
    expires_at: momentOut,
  })
  .meta({ id: 'TokenGrant' });
