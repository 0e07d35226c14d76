import pg from 'pg';
import type { Log } from '../../core/log.ts';

type Hear = (message: string | null) => void;

/** One connection that hears notifications, made when the first one listens and made again when it breaks. */
export interface Listener {
  listen(channel: string, hear: Hear): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const retryMs = 1_000;

/** `listen` resolves also while the database is away: listeners hear null when it is back. */
export function openListener(settings: pg.ClientConfig, log: Log): Listener {
  const channels = new Map<string, Set<Hear>>();
  let client: pg.Client | null = null;
  let connecting: Promise<void> | null = null;
  let retry: NodeJS.Timeout | null = null;
  let closed = false;

  const tellAll = (message: string | null) => {
    for (const hears of channels.values()) for (const hear of hears) hear(message);
  };
  const lost = (from: pg.Client, error: unknown) => {
    if (client !== from) return;
    client = null;
    from.removeAllListeners();
    // What a broken socket still says is of no interest.
    from.on('error', () => undefined);
    from.end().catch(() => undefined);
    if (closed) return;
    log.warn({ err: error }, 'the connection for notifications broke; it is made again');
    again();
  };
  const again = () => {
    if (closed || retry !== null) return;
    retry = setTimeout(() => {
      retry = null;
      connect().then(() => tellAll(null), again);
    }, retryMs);
    retry.unref();
  };
  const connect = async () => {
    // A listening connection is idle for hours: no timeout of statements counts.
    const { query_timeout: _, ...rest } = settings;
    const next = new pg.Client(rest);
    client = next;
    next.on('notification', ({ channel, payload }) => {
      for (const hear of channels.get(channel) ?? []) hear(payload ?? '');
    });
    next.on('error', (error) => lost(next, error));
    next.on('end', () => lost(next, null));
    try {
      await next.connect();
      for (const channel of channels.keys()) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (thrown) {
      lost(next, thrown);
      throw thrown;
    }
  };

  return {
    async listen(channel, hear) {
      const isNew = !channels.has(channel);
      const hears = channels.get(channel) ?? new Set();
      channels.set(channel, hears.add(hear));
      try {
        if (client === null) {
          connecting ??= connect().finally(() => {
            connecting = null;
          });
          await connecting;
        } else {
          await connecting;
          if (isNew) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
        }
      } catch (thrown) {
        log.warn({ err: thrown }, 'notifications cannot be heard yet');
        again();
      }
      return async () => {
        hears.delete(hear);
      };
    },
    async close() {
      closed = true;
      if (retry !== null) clearTimeout(retry);
      const open = client;
      client = null;
      if (open !== null) {
        open.removeAllListeners();
        open.on('error', () => undefined);
        await open.end();
      }
    },
  };
}
