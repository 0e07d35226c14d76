import { keepCompiledModules } from './cli/compile-cache.ts';
import { exitCode } from './cli/exit-code.ts';

/** The server's process, as `npm start` runs it: settings, then the server until it is told to stop, then an exit code. */
async function main(): Promise<number> {
  keepCompiledModules();
  const { ConfigError, loadConfig } = await import('./config/load-config.ts');
  try {
    const config = loadConfig({ env: process.env, workingDir: process.cwd() });
    const { serve } = await import('./cli/serve.ts');
    return await serve(config);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.usage;
  }
}

process.exitCode = await main();
