import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { GatewayError } from '../../core/errors.ts';

/**
 * SQLSTATE classes and codes that say nothing about the statement: connection exceptions (08), too many connections
 * and other want of resources (53), the server is going away (57P01 to 57P03), a timeout of ours (57014 statement,
 * 55P03 lock, 25P03 idle in transaction), and failures of which a repetition is the cure (40001, 40P01).
 */
const passing = /^(08|53)|^(57P0[123]|57014|55P03|25P03|40001|40P01)$/;

/** `service_unavailable` with the cause for the log: it can hold the address of the database, which is no caller's business. */
export function unavailable(cause: unknown, message = 'The database is not available.'): GatewayError {
  return new GatewayError('service_unavailable', message, { cause, retryAfterSeconds: 5 });
}

/** A pool whose failures to reach the database are GatewayError; errors of a statement stay what they are. */
export function translatedPool(pool: PostgresPool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      let client: PostgresPoolClient;
      try {
        client = await pool.connect();
      } catch (thrown) {
        throw unavailable(thrown, connectMessage(thrown));
      }
      return translatedClient(client);
    },
  };
}

/** Each of the pool's clients gets one wrapper, so that kysely knows a connection again. */
const wrappers = new WeakMap<PostgresPoolClient, PostgresPoolClient>();

function translatedClient(client: PostgresPoolClient): PostgresPoolClient {
  const known = wrappers.get(client);
  if (known) return known;
  const wrapper = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'query') return value.bind(target);
      return (...rest: unknown[]) => {
        const returned: unknown = Reflect.apply(value, target, rest);
        return returned instanceof Promise ? returned.catch(rethrow) : returned;
      };
    },
  });
  wrappers.set(client, wrapper);
  return wrapper;
}

function rethrow(thrown: unknown): never {
  throw isPassing(thrown) ? unavailable(thrown) : thrown;
}

function isPassing(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') {
    // `pg` has no code for a connection that ended under a statement, or one that it gave up itself.
    return thrown instanceof Error && !('code' in thrown);
  }
  return passing.test(thrown.code) || /^E[A-Z]+$/.test(thrown.code);
}

function connectMessage(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
  switch (code) {
    case 'ECONNREFUSED':
      return 'The database refuses connections: is PostgreSQL running at the address in DATABASE_URL?';
    case 'ENOTFOUND':
      return 'The host in DATABASE_URL is not known.';
    case '28P01':
    case '28000':
      return 'The database refuses the user or password in DATABASE_URL.';
    case '3D000':
      return 'The database named in DATABASE_URL does not exist.';
    case '53300':
      return 'The database has no connection left: lower database.poolSize or raise its max_connections.';
    default:
      return 'The database cannot be reached, or all of its connections are busy.';
  }
}
