import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps compiled modules from one start to the next, which halves the time that loading them takes. In the user's own
 * cache folder: the default, the temporary folder that all users share, is no place for code that we run. Where it
 * cannot be written, Node goes on without. Call it before anything large is imported.
 */
export function keepCompiledModules(): void {
  enableCompileCache(join(homedir(), '.cache', 'fluxscribe', 'node'));
}
