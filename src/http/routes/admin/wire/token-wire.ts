import { z } from 'zod';
import { momentOut } from './fields.ts';

/** Long enough for a page to connect; a socket that is open stays so when its token ends. */
export const defaultTtlSeconds = 60;

export const newToken = z
  .strictObject({
    ttl_seconds: z.number().int().min(1).max(3_600).default(defaultTtlSeconds).describe('How long it opens sockets.'),
  })
  .optional()
  .meta({ examples: [{ ttl_seconds: 300 }] });

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
