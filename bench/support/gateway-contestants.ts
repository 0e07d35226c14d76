import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/test-service.ts';
import { serverKey, startServer } from '../../test/helpers/start-server.ts';

/** A gateway that is up, as the callers reach it. */
export interface Contestant {
  readonly name: string;
  /** The processor time of this process and all below it is what a request costs. */
  readonly pid: number;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Takes uploads over OpenAI's ceiling whole; left out: the usual one does. */
  readonly largeModel?: string;
  /** Share of the requests of the others that it is sent: a slow one is known with fewer. */
  readonly share: number;
  stop(): Promise<void>;
}

/** Why one is left out: shown by name. */
export class NotHere extends Error {}

const route = '/v1/audio/transcriptions';
const vendorKey = 'sk-bench-upstream';
const portkeyVersion = '1.15.2';

/** Starts a script of this folder that tells its port. */
export async function startScript(script: string, ...args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, { serialization: 'advanced' });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('message', (message: { port: number }) => resolve(message.port));
  child.once('exit', () => reject(new Error(`${script} ended`)));
  return { child, port: await promise };
}

/**
 * This project as operators run it: keys, limits, routing, holds and charges, metrics and the log of requests are on, on
 * the embedded database or, with `databaseUrl`, on PostgreSQL.
 */
export async function startOurs(upstreamPort: number, databaseUrl: string | null = null): Promise<Contestant> {
  const server = await startServer({
    ...(databaseUrl !== null && { DATABASE_URL: databaseUrl }),
    OPENAI_API_KEY: vendorKey,
    OPENAI_BASE_URL: `http://127.0.0.1:${upstreamPort}/v1`,
    FIREWORKS_API_KEY: vendorKey,
    FIREWORKS_BASE_URL: `http://127.0.0.1:${upstreamPort}/v1`,
  });
  return {
    name: databaseUrl === null ? 'fluxscribe' : 'fluxscribe on PostgreSQL',
    pid: server.pid,
    port: server.port,
    path: route,
    headers: { authorization: `Bearer ${serverKey}`, 'x-bench-model': 'openai/gpt-4o-mini-transcribe' },
    largeModel: 'fireworks/whisper-v3',
    share: 1,
    stop: () => server.stop(),
  };
}

/** A bare Node server that pipes with undici and checks nothing. */
export async function startBare(upstreamPort: number): Promise<Contestant> {
  const { child, port } = await startScript('./gateway-bare.ts', `http://127.0.0.1:${upstreamPort}`);
  return { ...common('bare Node', child, port), headers: {} };
}

/** The upstream itself: what the callers and the machine make of a request without any gateway. */
export function theUpstream(child: ChildProcess, port: number): Contestant {
  return { ...common('(upstream alone)', child, port), headers: {}, stop: async () => {} };
}

/** nginx as a plain proxy, one worker, told not to write bodies to disk. */
export async function startNginx(upstreamPort: number, folder: string): Promise<Contestant> {
  const binary = ['/usr/sbin/nginx', '/usr/local/bin/nginx', '/opt/homebrew/bin/nginx'].find(existsSync);
  if (!binary) throw new NotHere('not installed: apt-get install nginx');
  const port = await freePort();
  const home = join(folder, 'nginx');
  mkdirSync(home, { recursive: true });
  const settings = join(home, 'nginx.conf');
  writeFileSync(
    settings,
    `daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 64m; keepalive_requests 1000000;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  upstream vendor { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    client_body_buffer_size 256k;
    location / { proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; }
  }
}
`,
  );
  const child = spawn(binary, ['-c', settings, '-p', home], { stdio: 'ignore' });
  await untilListening(port, child);
  return { ...common('nginx', child, port), headers: {} };
}

/** Portkey's gateway, which npm fetches into a folder of the bench's own. */
export async function startPortkey(upstreamPort: number, folder: string): Promise<Contestant> {
  const home = join(folder, 'portkey');
  mkdirSync(home, { recursive: true });
  try {
    writeFileSync(join(home, 'package.json'), '{"private":true}');
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `@portkey-ai/gateway@${portkeyVersion}`];
    execFileSync('npm', args, { cwd: home, stdio: 'ignore', timeout: 180_000 });
  } catch {
    throw new NotHere(`npm could not install @portkey-ai/gateway@${portkeyVersion}`);
  }
  const port = await freePort();
  const script = join(home, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const child = spawn(process.execPath, [script, `--port=${port}`, '--headless'], {
    stdio: 'ignore',
    env: { ...process.env, TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' },
  });
  await untilListening(port, child);
  return {
    ...common('Portkey', child, port),
    share: 0.25,
    headers: {
      authorization: `Bearer ${vendorKey}`,
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
    },
  };
}

/** LiteLLM's proxy in a virtual environment of the bench's own. */
export async function startLiteLlm(upstreamPort: number, folder: string): Promise<Contestant> {
  const home = join(folder, 'litellm');
  const binary = join(home, 'bin/litellm');
  try {
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'ignore' });
    execFileSync(join(home, 'bin/pip'), ['install', '-q', 'litellm[proxy]'], { stdio: 'ignore', timeout: 900_000 });
  } catch {
    throw new NotHere("python3 is missing, or pip could not install 'litellm[proxy]'");
  }
  const settings = join(folder, 'litellm.json');
  // YAML takes JSON as it is.
  writeFileSync(
    settings,
    JSON.stringify({
      model_list: [
        {
          model_name: 'whisper-1',
          litellm_params: {
            model: 'openai/whisper-1',
            api_key: vendorKey,
            api_base: `http://127.0.0.1:${upstreamPort}/v1`,
          },
          model_info: { mode: 'audio_transcription' },
        },
      ],
      general_settings: { master_key: 'sk-bench' },
    }),
  );
  const port = await freePort();
  const child = spawn(binary, ['--config', settings, '--port', String(port), '--host', '127.0.0.1'], {
    stdio: 'ignore',
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_TELEMETRY: 'False' },
  });
  await untilListening(port, child, 120_000);
  return { ...common('LiteLLM', child, port), share: 0.05, headers: { authorization: 'Bearer sk-bench' } };
}

function common(name: string, child: ChildProcess, port: number): Omit<Contestant, 'headers'> {
  if (child.pid === undefined) throw new NotHere('it does not start');
  return {
    name,
    pid: child.pid,
    port,
    path: route,
    share: 1,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([ended, sleep(5000)]);
        child.kill('SIGKILL');
      }
    },
  };
}

async function untilListening(port: number, child: ChildProcess, timeoutMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  let failed = false;
  child.once('error', () => {
    failed = true;
  });
  while (performance.now() < giveUpAt && child.exitCode === null && !failed) {
    try {
      await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) });
      return;
    } catch {
      await sleep(100);
    }
  }
  child.kill('SIGKILL');
  throw new NotHere('it did not begin to listen');
}
