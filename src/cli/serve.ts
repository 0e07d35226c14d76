import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CatalogueError } from '../catalogue/load-catalogue.ts';
import { compose, type Gateway } from '../compose.ts';
import { composeModels } from '../compose-shelf.ts';
import type { Config } from '../config/load-config.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { KeyFileError } from '../storage/file-key-store.ts';
import { createLog } from '../telemetry/create-log.ts';
import { packageVersion } from '../version.ts';
import { calmCompiler } from './calm-compiler.ts';
import { exitCode } from './exit-code.ts';
import { fetchModels } from './fetch-models.ts';
import { relaxCollector } from './relax-collector.ts';
import { waitForStop } from './wait-for-stop.ts';

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Runs the server until it is told to stop; resolves with the exit code. */
export async function serve(config: Config): Promise<number> {
  const startedAt = performance.now();
  relaxCollector();
  calmCompiler();
  const log = await createLog({ level: config.logLevel, format: config.logFormat });
  const stop = waitForStop(log);
  print(`fluxscribe ${packageVersion} is starting …`);
  const { host, port } = config;
  try {
    await requireAddress(config);
    const shelf = composeModels({ config, log });
    await fetchModels(
      shelf,
      shelf.defaultArtifacts.map((artifact) => artifact.id),
      stop.signal,
    );
    const gateway = await compose({ config, log }, shelf);
    try {
      await Promise.all([explained(config, () => gateway.app.listen({ host, port })), gateway.engine.ready()]);
      const key = await gateway.accounts.makeAdminKey();
      print(greeting(config, gateway, key, performance.now() - startedAt));
      await stop.stopped;
      log.info({ graceSeconds: config.shutdownGraceSeconds }, 'stopping: requests in progress may finish');
    } finally {
      await gateway.drain(config.shutdownGraceSeconds * 1000);
    }
    log.info({}, 'stopped');
    return exitCode.ok;
  } catch (thrown) {
    if (stop.signal.aborted) return exitCode.ok;
    return failure(thrown, log);
  }
}

/** Finds out before anything is fetched or made that the address cannot be had. */
async function requireAddress(config: Config): Promise<void> {
  const { host, port } = config;
  // Whoever knocks meanwhile must not hold it open.
  const server = createServer((socket) => socket.destroy());
  await explained(config, async () => {
    server.listen({ host, port });
    await once(server, 'listening');
  });
  server.close();
  await once(server, 'close');
}

/** Turns the ways in which an address cannot be had into what to do. */
async function explained<Value>({ host, port }: Config, listen: () => Promise<Value>): Promise<Value> {
  try {
    return await listen();
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
    if (code === 'EADDRINUSE') throw new StartError(`Port ${port} on ${host} is in use. Set PORT to another one.`);
    if (code === 'EACCES')
      throw new StartError(`Port ${port} needs privileges that this user lacks. Set PORT above 1023.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new StartError(`This machine has no address '${host}'. Set HOST to one of its own.`);
    }
    throw thrown;
  }
}

/** A start that failed for a reason that the operator can mend. */
class StartError extends Error {}

function failure(thrown: unknown, log: Log): number {
  const isExpected =
    thrown instanceof StartError ||
    thrown instanceof KeyFileError ||
    thrown instanceof CatalogueError ||
    // No model, or no database: the message says which, and what to do.
    (thrown instanceof GatewayError && ['no_model_installed', 'service_unavailable'].includes(thrown.code));
  if (isExpected) process.stderr.write(`${thrown.message}\n`);
  else log.error({ error: thrown }, 'the server could not start');
  return exitCode.failed;
}

/** What a person needs after a start: where it is, the key (once), and a command that works as it stands. */
function greeting(config: Config, gateway: Gateway, newKey: string | null, startMs: number): string {
  const address = gateway.app.server.address();
  const port = address !== null && typeof address === 'object' ? address.port : config.port;
  const host = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(config.host) ? 'localhost' : config.host;
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const lines = [
    `fluxscribe ${packageVersion} serves on ${base} (started in ${(startMs / 1000).toFixed(1)} s)`,
    '',
    `  OpenAI base URL  ${base}/v1`,
    `  Documentation    ${base}/docs`,
  ];
  if (newKey !== null) {
    lines.push(`  Admin key        ${newKey}`, '                   (shown this once; only its hash is kept)');
  } else if (config.adminKey !== null) {
    lines.push('  Admin key        the one in FLUXSCRIBE_ADMIN_KEY');
  } else {
    lines.push('  Admin key        the one shown at the first start (lost? fluxscribe keys reset-admin)');
  }
  const sample = sampleFile();
  lines.push(
    '',
    '  Try it:',
    '',
    `    curl ${base}/v1/audio/transcriptions \\`,
    `      -H "Authorization: Bearer ${newKey ?? (config.adminKey === null ? 'YOUR_KEY' : '$FLUXSCRIBE_ADMIN_KEY')}" \\`,
    `      -F file=@${sample ?? 'speech.mp3'}`,
    '',
  );
  return lines.join('\n');
}

/** The clip that ships in a clone, as a path from where the person is. */
function sampleFile(): string | null {
  const path = fileURLToPath(new URL('../../examples/hello.wav', import.meta.url));
  if (!existsSync(path)) return null;
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
}
