import { z } from 'zod';
import { UsageError } from '../usage-error.ts';

/** Where the server is and who asks. */
export interface Connection {
  /** With or without a path in front of `/api`. */
  readonly url: string;
  readonly key: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** The admin API of a running server. Everything rejects with RemoteError. */
export interface AdminClient {
  /** One thing: the JSON of the reply; empty for a reply without a body. */
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: Row): Promise<Row>;
  /** A list, page by page. */
  pages(path: string, query?: Query): AsyncGenerator<readonly Row[]>;
  /** A list that has no pages. */
  whole(path: string, query?: Query): AsyncGenerator<readonly Row[]>;
  /** A file, as it comes. */
  file(path: string, query: Query): Promise<ReadableStream<Uint8Array>>;
}

/** What is undefined is left out. */
export type Query = Readonly<Record<string, string | undefined>>;

/** The server could not be asked, or said no; the message is for people and has no key in it. */
export class RemoteError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RemoteError';
  }
}

/** The slowest answers are sums over a year of requests. */
const timeoutMs = 60_000;

const row = z.record(z.string(), z.unknown());
const list = z.object({ data: z.array(row), next_cursor: z.string().nullable() });
const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Throws UsageError for an address that is none. */
export function createAdminClient({ url, key }: Connection): AdminClient {
  const base = addressOf(url);
  const send = async (method: string, path: string, query: Query = {}, body?: Row): Promise<Response> => {
    const address = new URL(`${base.pathname.replace(/\/+$/, '')}${path}`, base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    let reply: Response;
    try {
      reply = await fetch(address, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        // The key goes to the address that was named and to no other.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (thrown) {
      throw new RemoteError(`The server at ${base.origin} cannot be asked: ${reasonOf(thrown)}`);
    }
    if (!reply.ok) throw new RemoteError(await refusalOf(reply));
    return reply;
  };
  const json = async (reply: Response): Promise<unknown> => {
    try {
      return await reply.json();
    } catch (thrown) {
      throw new RemoteError(`The answer of ${base.origin} cannot be read: ${reasonOf(thrown)}`);
    }
  };
  return {
    async call(method, path, body) {
      const reply = await send(method, path, {}, body);
      return reply.status === 204 ? {} : parsed(row, await json(reply));
    },
    async *pages(path, query) {
      let cursor: string | null = null;
      do {
        const page: Query = { limit: '200', ...query, ...(cursor !== null && { cursor }) };
        const { data, next_cursor }: z.infer<typeof list> = parsed(list, await json(await send('GET', path, page)));
        yield data;
        cursor = next_cursor;
      } while (cursor !== null);
    },
    async *whole(path, query) {
      yield parsed(list, await json(await send('GET', path, query))).data;
    },
    async file(path, query) {
      const { body } = await send('GET', path, query);
      if (!body) throw new RemoteError(`The answer of ${base.origin} is empty.`);
      return body;
    },
  };
}

function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new UsageError(`Not an address: ${url.slice(0, 200)}. It must be one such as http://127.0.0.1:8080`);
  }
  return address;
}

async function refusalOf(reply: Response): Promise<string> {
  const text = await reply.text();
  const body = failure.safeParse(jsonOf(text));
  if (!body.success) return `The server answered ${reply.status}, and not as a server of ours does.`;
  return `${body.data.error.message} (${reply.status} ${body.data.error.code})`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not ours: the schema says so.
    return null;
  }
}

function parsed<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value);
  if (!result.success) throw new RemoteError('The server answered something that this version does not understand.');
  return result.data;
}

/** fetch says only that it failed; why is in the cause. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? thrown.cause.message || thrown.cause.name : thrown.message;
}
