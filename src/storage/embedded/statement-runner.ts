import { type PGlite, parse, protocol } from '@electric-sql/pglite';
import type { StatementResult } from './protocol.ts';

/** Statements that stay prepared: more than a server has in daily use, and some tens of kilobytes each. */
const maxPrepared = 100;
/** Anything else, such as CREATE, may change what a prepared statement returns. */
const harmlessCommands = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'BEGIN', 'COMMIT', 'ROLLBACK', 'CHECKPOINT']);
const { serialize } = protocol;

interface Prepared {
  /** '' is the unnamed statement, which the next unnamed one replaces. */
  readonly name: string;
  readonly parameterTypes: readonly number[];
}

/**
 * Runs statements in one round each. PGlite's own `query` goes into WebAssembly six times for a statement, parses and
 * plans it anew each time and costs 0.2 to 0.5 ms of processor time before anything is done; a statement that comes again
 * is bound and executed here in one round of 0.05 ms.
 */
export class StatementRunner {
  readonly #pglite: PGlite;
  /** By their text, the one that was not used for longest first; null: seen once, not prepared. */
  readonly #statements = new Map<string, Prepared | null>();
  #nextName = 1;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /** One statement after another, in the order of the calls. Rejects with PGlite's DatabaseError. */
  run(text: string, parameters: readonly unknown[]): Promise<StatementResult> {
    return this.#pglite.runExclusive(async () => {
      const { name, parameterTypes } = await this.#prepare(text);
      const values = parameters.map((value, index) => this.#textOf(value, parameterTypes[index]));
      const messages = await this.#send([
        serialize.bind({ statement: name, values }),
        serialize.describe({ type: 'P' }),
        serialize.execute({}),
        serialize.sync(),
      ]);
      const [result] = parse.parseResults(messages, this.#pglite.parsers);
      if (result?.command !== undefined && !harmlessCommands.has(result.command)) await this.#forgetAll();
      return { rows: result?.rows ?? [], affectedRows: result?.affectedRows, command: result?.command };
    });
  }

  async #prepare(text: string): Promise<Prepared> {
    const known = this.#statements.get(text);
    this.#statements.delete(text);
    const prepared = known ?? (await this.#parse(text, known === undefined ? '' : `statement_${this.#nextName++}`));
    this.#statements.set(text, prepared.name === '' ? null : prepared);
    if (this.#statements.size > maxPrepared) await this.#forgetOldest();
    return prepared;
  }

  async #parse(text: string, name: string): Promise<Prepared> {
    const messages = await this.#send([
      serialize.parse({ name, text }),
      serialize.describe({ type: 'S', name }),
      serialize.sync(),
    ]);
    return { name, parameterTypes: parse.parseDescribeStatementResults(messages) };
  }

  async #forgetOldest(): Promise<void> {
    for (const [text, prepared] of this.#statements) {
      this.#statements.delete(text);
      if (prepared !== null) await this.#send([serialize.close({ type: 'S', name: prepared.name }), serialize.sync()]);
      return;
    }
  }

  async #forgetAll(): Promise<void> {
    this.#statements.clear();
    await this.#send([serialize.query('deallocate all')]);
  }

  #textOf(value: unknown, type: number | undefined): string | null {
    if (value === null || value === undefined) return null;
    const toText = type === undefined ? undefined : this.#pglite.serializers[type];
    return toText ? toText(value) : String(value);
  }

  async #send(parts: readonly Uint8Array[]) {
    const message = Buffer.concat(parts);
    const { messages } = await this.#pglite.execProtocol(message, { syncToFs: false });
    return messages;
  }
}
