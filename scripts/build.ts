/**
 * `npm run build`: the published package's JavaScript in `dist/`. Sources run as they are in a clone; under node_modules
 * Node strips no types, so the package has them stripped.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
chmodSync('dist/cli/main.js', 0o755);
console.log('Built dist/.');
