import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite, types } from '@electric-sql/pglite';
import { createFolder } from './create-folder.ts';
import { DurableFolder } from './durable-folder.ts';
import type { FromWorker, StatementFailure, ToWorker, WorkerSetup } from './protocol.ts';
import { startParameters } from './start-parameters.ts';
import { StatementRunner } from './statement-runner.ts';
import { syncFileSystem } from './sync-folder.ts';

/**
 * The thread of the embedded database. WebAssembly and fsync block whoever calls them, for milliseconds each: here that
 * is nobody who has a request to answer.
 */

const port = parentPort;
if (port === null) throw new Error('This file runs as a worker thread.');
const say = (message: FromWorker) => port.postMessage(message);

async function open({ dir, durable, afterCrash }: WorkerSetup): Promise<PGlite> {
  if (!existsSync(join(dir, 'PG_VERSION'))) await createFolder(dir);
  const syncedBefore = durable && afterCrash && (await syncFileSystem(dir));
  const folder = new DurableFolder(dir, syncedBefore);
  const pglite = await PGlite.create({
    fs: folder,
    startParams: startParameters(durable),
    parsers: { [types.INT8]: (text) => BigInt(text) },
    relaxedDurability: false,
  });
  folder.opened();
  return pglite;
}

function failureOf(thrown: unknown): StatementFailure {
  const field = (name: string) => {
    const value: unknown = thrown instanceof Error && name in thrown ? Reflect.get(thrown, name) : null;
    return typeof value === 'string' ? value : null;
  };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { message, code: field('code'), constraint: field('constraint') };
}

async function serve(pglite: PGlite, statements: StatementRunner, message: ToWorker): Promise<void> {
  try {
    if (message.type === 'close') {
      await pglite.close();
      say({ type: 'closed', id: message.id });
      return;
    }
    say({ type: 'result', id: message.id, result: await statements.run(message.sql, message.parameters) });
  } catch (thrown) {
    say({ type: 'failed', id: message.id, failure: failureOf(thrown) });
  }
}

try {
  const pglite = await open(workerData);
  const statements = new StatementRunner(pglite);
  port.on('message', (message: ToWorker) => void serve(pglite, statements, message));
  say({ type: 'open' });
} catch (thrown) {
  say({ type: 'open-failed', message: failureOf(thrown).message });
  port.close();
}
