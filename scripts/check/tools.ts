import { spawn } from 'node:child_process';
import type { Check, Problem } from './problem.ts';

/** Format and lint. */
export const biome: Check = { name: 'format and lint', run: () => tool('biome', ['check', '--colors=off']) };

/** The compiler's word on types. */
export const types: Check = { name: 'types', run: () => tool('tsc', ['-p', 'tsconfig.json', '--pretty', 'false']) };

/** Runs a tool of node_modules; a failure's output is the problem. */
function tool(name: string, argv: readonly string[]): Promise<readonly Problem[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(`node_modules/.bin/${name}`, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0 ? [] : [output.trim() || `${name} ended with code ${code}`]));
  });
}
