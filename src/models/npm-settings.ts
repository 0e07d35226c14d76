import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Options } from 'pacote';

/**
 * npm's settings as npm itself would read them on this machine: registry, authorities, proxy and credentials from the
 * project's, the user's and the global npmrc and from `npm_config_…` variables. Model files then come from wherever
 * the machine's packages come from.
 */
export async function readNpmSettings(env: NodeJS.ProcessEnv, workingDir: string): Promise<Options> {
  const [{ default: Config }, { default: npm }] = await Promise.all([
    import('@npmcli/config'),
    import('@npmcli/config/lib/definitions/index.js'),
  ]);
  const { npmPath, execPath } = locateNpm(env);
  const config = new Config({
    definitions: npm.definitions,
    shorthands: npm.shorthands,
    flatten: npm.flatten,
    npmPath,
    execPath,
    env,
    cwd: workingDir,
    argv: [],
  });
  await config.load();
  return config.flat;
}

/**
 * The global npmrc lies beside the Node that npm was installed with, which is not the one that runs us: an npm script
 * runs Node 24 from node_modules. Without an npm on this machine there is no such file, and our own Node stands in.
 */
function locateNpm(env: NodeJS.ProcessEnv): { npmPath: string; execPath: string } {
  const withoutUs = (env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  for (const folder of withoutUs) {
    const command = join(folder, 'npm');
    if (folder === '' || !existsSync(command)) continue;
    // …/npm/bin/npm-cli.js
    return { npmPath: dirname(dirname(realpathSync(command))), execPath: join(folder, 'node') };
  }
  return { npmPath: dirname(process.execPath), execPath: process.execPath };
}
