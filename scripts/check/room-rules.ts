import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { z } from 'zod';
import type { Check, Problem } from './problem.ts';
import { sourceFiles } from './source-files.ts';

/**
 * Which room of `src/` may import which: ARCHITECTURE.md's table as data. An entry is a folder under `src/`, or one file
 * of it. dependency-cruiser would do this, but it cannot read TypeScript 7.
 */
const doors = ['pipeline', 'auth', 'limits', 'audio', 'transcript', 'rendering', 'core'];
const anyProvider = [
  'providers/contract.ts',
  'providers/support',
  'transcript',
  'audio/audio.ts',
  'core',
  'net',
] as const;

const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  transcript: ['core'],
  auth: ['core'],
  limits: ['core'],
  metering: ['core'],
  audio: ['core', 'net'],
  rendering: ['transcript', 'core'],
  'providers/contract.ts': ['transcript', 'audio/audio.ts', 'core'],
  'providers/support': ['providers/contract.ts', 'transcript', 'audio/audio.ts', 'core', 'net'],
  'providers/local': [...anyProvider, 'engine'],
  routing: ['providers/contract.ts', 'audio/audio.ts', 'transcript', 'core'],
  pipeline: ['routing', 'metering', 'transcript', 'audio', 'providers/contract.ts', 'core'],
  http: doors,
  live: doors,
  jobs: [...doors, 'net'],
  storage: ['auth', 'limits', 'metering', 'jobs', 'core'],
  engine: ['core', 'audio/audio.ts'],
  net: ['core'],
  config: ['core'],
  telemetry: ['core'],
  catalogue: ['core'],
  models: ['core', 'catalogue', 'net'],
  // The process: it wires, and speaks to the person at the terminal.
  cli: ['compose.ts', 'version.ts', 'config', 'catalogue', 'models', 'storage', 'telemetry', 'rendering', 'core'],
  'main.ts': ['cli', 'config'],
  'version.ts': [],
  'compose-models.ts': ['catalogue', 'http', 'metering', 'providers/contract.ts', 'routing', 'core'],
  'compose.ts': ['*'],
};

/** Settings are read in one room; the others here read what is npm's and not ours. */
const mayReadEnvironment = ['src/config/', 'src/main.ts', 'src/cli/program.ts', 'src/compose.ts'];

const specifier = /(?:^|[\s;}])(?:from|import)\s*\(?\s*'([^']+)'/g;

export const roomRules: Check = {
  name: 'room rules',
  async run() {
    const manifest = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync('package.json', 'utf8')));
    return sourceFiles('.ts')
      .filter((file) => file.startsWith('src/') && !file.endsWith('.test.ts') && !file.endsWith('/conformance.ts'))
      .flatMap((file) => problemsOf(file, readFileSync(file, 'utf8'), Object.keys(manifest.dependencies)));
  },
};

/** Exported for its test. */
export function problemsOf(file: string, text: string, dependencies: readonly string[]): readonly Problem[] {
  const problems: Problem[] = [];
  const home = roomOf(file.slice('src/'.length));
  const code = withoutComments(text);
  if (home === null) problems.push(`${file}: this room is not in the table of scripts/check/room-rules.ts`);
  for (const [, name = ''] of code.matchAll(specifier)) {
    if (!name.startsWith('.')) {
      const problem = packageProblem(file, name, dependencies);
      if (problem) problems.push(problem);
      continue;
    }
    const target = normalize(join(dirname(file), name));
    if (!target.startsWith('src/')) problems.push(`${file}: imports ${target}, which is no part of the product`);
    else if (home !== null && !isAllowed(home, target.slice('src/'.length))) {
      problems.push(`${file}: the room ${home} may not import ${target}`);
    }
  }
  if (/\bprocess\.env\b/.test(code) && !mayReadEnvironment.some((place) => file.startsWith(place))) {
    problems.push(`${file}: reads process.env; settings come from src/config`);
  }
  return problems;
}

function packageProblem(file: string, name: string, dependencies: readonly string[]): Problem | null {
  if (name.startsWith('node:')) return null;
  const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
  return dependencies.includes(packageName) ? null : `${file}: imports ${packageName}, which is not in dependencies`;
}

/** The most exact entry of the table that holds a path. */
function roomOf(path: string): string | null {
  const rooms = Object.keys(mayImport).filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.sort((left, right) => right.length - left.length)[0] ?? null;
}

function isAllowed(home: string, target: string): boolean {
  if (target === home || target.startsWith(`${home}/`)) return true;
  return (mayImport[home] ?? []).some((room) => room === '*' || target === room || target.startsWith(`${room}/`));
}

/** Examples in comments are no imports. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}
