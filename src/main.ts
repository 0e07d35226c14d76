import { exitCode } from './cli/exit-code.ts';
import { ConfigError, loadConfig } from './config/load-config.ts';

/** The server's process, as `npm start` runs it: settings, then the server until it is told to stop, then an exit code. */
async function main(): Promise<number> {
  const config = loadConfig({ env: process.env, workingDir: process.cwd() });
  const { serve } = await import('./cli/serve.ts');
  return serve(config);
}

try {
  process.exitCode = await main();
} catch (thrown) {
  if (!(thrown instanceof ConfigError)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = exitCode.usage;
}
