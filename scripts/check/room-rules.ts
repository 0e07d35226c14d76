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
const anyProvider: readonly string[] = [
  'providers/contract.ts',
  'providers/support',
  'transcript',
  'audio/audio.ts',
  'core',
  'net',
];

const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  transcript: ['core'],
  auth: ['core'],
  limits: ['core'],
  metering: ['core'],
  audio: ['core', 'net'],
  rendering: ['transcript', 'core'],
  'providers/contract.ts': ['transcript', 'audio/audio.ts', 'core'],
  'providers/support': ['providers/contract.ts', 'transcript', 'audio/audio.ts', 'audio/wav-bytes.ts', 'core', 'net'],
  'providers/local': [...anyProvider, 'engine'],
  'providers/openai-compatible': anyProvider,
  'providers/deepgram': anyProvider,
  'providers/assemblyai': anyProvider,
  'providers/elevenlabs': anyProvider,
  'providers/ai-sdk': anyProvider,
  routing: ['providers/contract.ts', 'audio/audio.ts', 'transcript', 'core'],
  pipeline: ['routing', 'metering', 'transcript', 'audio', 'providers/contract.ts', 'core'],
  http: doors,
  // Money is shown and moved here, through the interfaces alone.
  'http/admin-parts.ts': [...doors, 'metering/ledger.ts', 'metering/usage-store.ts'],
  'http/routes/admin': [...doors, 'http', 'metering/ledger.ts', 'metering/usage-store.ts'],
  'http/keep-replies.ts': [...doors, 'metering/idempotency-store.ts'],
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
  cli: [
    'compose.ts',
    'compose-explainer.ts',
    'compose-shelf.ts',
    'compose-transcriber.ts',
    'version.ts',
    'config',
    'catalogue',
    'models',
    'storage',
    'telemetry',
    'rendering',
    'core',
  ],
  'main.ts': ['cli', 'config'],
  'version.ts': [],
  'compose-accounts.ts': ['auth', 'config', 'metering', 'storage', 'core'],
  'compose-admin.ts': [
    'compose-accounts.ts',
    'compose-provider-status.ts',
    'compose-transcriber.ts',
    'config',
    'http',
    'core',
  ],
  'compose-provider-status.ts': ['compose-models.ts', 'compose-routing.ts', 'http', 'core'],
  'compose-engine.ts': ['catalogue', 'compose-models.ts', 'engine', 'providers', 'core'],
  'compose-explainer.ts': ['*'],
  'compose-limits.ts': ['config', 'http', 'limits', 'core'],
  'compose-model-directory.ts': ['catalogue', 'compose-models.ts', 'http', 'routing', 'core'],
  'compose-models.ts': ['catalogue', 'http', 'metering', 'providers/contract.ts', 'routing', 'core'],
  'compose-own-keys.ts': [
    'auth',
    'compose-providers.ts',
    'http',
    'pipeline',
    'providers/contract.ts',
    'routing',
    'core',
  ],
  'compose-pieces.ts': ['audio', 'config', 'pipeline', 'routing', 'core'],
  'compose-routing.ts': ['config', 'providers/contract.ts', 'routing'],
  'compose-providers.ts': ['catalogue', 'compose-models.ts', 'config', 'net', 'providers', 'core'],
  'compose-shelf.ts': ['catalogue', 'compose-models.ts', 'compose-providers.ts', 'config', 'models', 'core'],
  'compose-transcriber.ts': ['*'],
  'compose.ts': ['*'],
};

/** Settings are read in one room; the others here read what is npm's and not ours, and the last one sets what a library reads. */
const mayReadEnvironment = [
  'src/config/',
  'src/main.ts',
  'src/cli/program.ts',
  'src/compose-shelf.ts',
  'src/engine/onnx/no-telemetry.ts',
];

const specifier = /(?:^|[\s;}])(?:from|import)\s*\(?\s*'([^']+)'/g;

export const roomRules: Check = {
  name: 'room rules',
  async run() {
    const names = z.record(z.string(), z.unknown());
    const manifest = z
      .object({ dependencies: names, peerDependenciesMeta: names.default({}) })
      .parse(JSON.parse(readFileSync('package.json', 'utf8')));
    const packages = {
      installed: Object.keys(manifest.dependencies),
      optional: Object.keys(manifest.peerDependenciesMeta),
    };
    return sourceFiles('.ts')
      .filter((file) => file.startsWith('src/') && !file.endsWith('.test.ts') && !file.endsWith('/conformance.ts'))
      .flatMap((file) => problemsOf(file, readFileSync(file, 'utf8'), packages));
  },
};

/** Packages that a file of the product may import. */
export interface Packages {
  /** Those that every installation has. */
  readonly installed: readonly string[];
  /** Those that an operator may add: types aside, only `await import(…)` may name them. */
  readonly optional: readonly string[];
}

/** Exported for its test. */
export function problemsOf(file: string, text: string, packages: Packages): readonly Problem[] {
  const problems: Problem[] = [];
  const home = roomOf(file.slice('src/'.length));
  const code = withoutComments(text);
  if (home === null) problems.push(`${file}: this room is not in the table of scripts/check/room-rules.ts`);
  for (const { 1: name = '', index } of code.matchAll(specifier)) {
    if (!name.startsWith('.')) {
      const problem = packageProblem(file, name, packages, isOptionalImport(code, index));
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

function packageProblem(file: string, name: string, packages: Packages, isOptional: boolean): Problem | null {
  if (name.startsWith('node:')) return null;
  const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
  if (packages.installed.includes(packageName)) return null;
  if (!packages.optional.includes(packageName)) {
    return `${file}: imports ${packageName}, which is not in dependencies`;
  }
  return isOptional ? null : `${file}: imports ${packageName}, which may be absent; use await import('${packageName}')`;
}

/** Whether the import that was found at a place is a dynamic one, or of types alone, which Node never sees. */
function isOptionalImport(code: string, index: number): boolean {
  if (/^.?import\s*\(/s.test(code.slice(index))) return true;
  const statement = code.slice(0, index + 1);
  return /^import\s+type\s/.test(statement.slice(statement.lastIndexOf('import')));
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
