import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { resolve } from 'node:path';
import { parse, YAMLError } from 'yaml';
import { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { collectProviders, type ProviderSettings } from './provider-settings.ts';
import { type Setting, settingList } from './setting-list.ts';
import { type Settings, settingsSchema } from './settings.ts';

/** The settings of one process: validated, complete, paths absolute, frozen. */
export type Config = DeepReadonly<
  Omit<Settings, 'engine' | 'audio' | 'providers'> & {
    /** Those of the file and those that the vendors' own variables switch on, keys in them. */
    providers: ProviderSettings[];
    engine: Omit<Settings['engine'], 'workers'> & { workers: number };
    audio: Omit<Settings['audio'], 'workers'> & { workers: number };
  }
>;

type DeepReadonly<Value> = Value extends object ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> } : Value;

/** A setting that cannot be used. The message has one line a problem and names the key or variable; it shows no secret. */
export class ConfigError extends Error {
  constructor(problems: readonly string[], cause?: unknown) {
    super(problems.join('\n'), cause === undefined ? undefined : { cause });
    this.name = 'ConfigError';
  }
}

/** Where settings come from; everything is a parameter so that tests need no real environment. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of `fluxscribe.yaml` and start of relative paths. */
  readonly workingDir: string;
}

/** Names the file; every other `FLUXSCRIBE_…` variable is a setting … */
const fileVariable = 'FLUXSCRIBE_CONFIG';
/** … but for those with which people call a server: whoever keeps them in a shell starts servers there too … */
const clientVariables: readonly string[] = ['FLUXSCRIBE_URL', 'FLUXSCRIBE_KEY'];
/** … and those that the project's own tests read, which must not stop a server that they start. */
const testPrefix = 'FLUXSCRIBE_TEST_';

/** Reads the file, lays the environment over it, validates. Throws ConfigError. */
export function loadConfig(sources: ConfigSources): Config {
  const fromFile = readFile(sources);
  const fromEnv = readEnvironment(sources.env);
  const merged = structuredClone(fromFile.values);
  for (const { setting, value } of fromEnv) place(merged, setting.path, value);
  const parsed = settingsSchema.safeParse(merged);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.flatMap((issue) => describe(issue, fromFile.name, fromEnv)),
      parsed.error,
    );
  }
  const problems: string[] = [];
  const providers = collectProviders(parsed.data.providers, sources.env, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return freeze(complete({ ...parsed.data, providers: [...providers] }, sources.workingDir));
}

function readFile({ env, workingDir }: ConfigSources): { name: string; values: Record<string, unknown> } {
  const named = env[fileVariable];
  const name = named ? resolve(workingDir, expandHome(named)) : resolve(workingDir, 'fluxscribe.yaml');
  if (!named && !existsSync(name)) return { name, values: {} };
  let values: unknown;
  try {
    values = parse(readFileSync(name, 'utf8')) ?? {};
  } catch (thrown) {
    throw new ConfigError([`${name}: cannot be read: ${thrown instanceof Error ? thrown.message : thrown}`], thrown);
  }
  const record = z.record(z.string(), z.unknown()).safeParse(values);
  if (!record.success) throw new ConfigError([`${name}: must be a map of settings, such as 'port: 8080'.`]);
  return { name, values: record.data };
}

interface EnvironmentValue {
  readonly setting: Setting;
  readonly value: unknown;
}

function isForOthers(name: string): boolean {
  return name === fileVariable || clientVariables.includes(name) || name.startsWith(testPrefix);
}

function readEnvironment(env: ConfigSources['env']): EnvironmentValue[] {
  const problems: string[] = [];
  const values: EnvironmentValue[] = [];
  const byVariable = new Map(settingList.map((setting) => [setting.env, setting]));
  for (const [name, text] of Object.entries(env)) {
    const setting = byVariable.get(name);
    if (!setting) {
      if (name.startsWith('FLUXSCRIBE_') && !isForOthers(name)) {
        problems.push(
          `${name}: there is no such setting.${suggestVariable(name, [...byVariable.keys(), fileVariable])}`,
        );
      }
      continue;
    }
    // An empty variable is how shells and compose files leave a setting out.
    if (text === undefined || text === '') continue;
    values.push({ setting, value: fromText(setting, text) });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values;
}

/** A variable's text as the setting's kind; text that is no number or boolean stays text, and the schema refuses it by name. */
function fromText(setting: Setting, text: string): unknown {
  const trimmed = text.trim();
  switch (setting.kind) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
    case 'boolean':
      return { true: true, '1': true, false: false, '0': false }[trimmed.toLowerCase()] ?? trimmed;
    case 'list':
      return trimmed.split(',').map((part) => part.trim());
    case 'maps':
      return parsedOrText(trimmed);
    default:
      return trimmed;
  }
}

/** Text that is no YAML stays text, and the schema refuses it by name; the parser's own message would quote it. */
function parsedOrText(text: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (thrown instanceof YAMLError) return text;
    throw thrown;
  }
}

function place(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path;
  if (rest.length === 0) {
    target[name!] = value;
    return;
  }
  const inner = target[name!];
  // A section that is not a map in the file is left for the schema to refuse.
  if (inner !== undefined && (typeof inner !== 'object' || inner === null || Array.isArray(inner))) return;
  const section: Record<string, unknown> = { ...inner };
  place(section, rest, value);
  target[name!] = section;
}

function describe(issue: z.core.$ZodIssue, file: string, fromEnv: readonly EnvironmentValue[]): string[] {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = settingList.flatMap((setting) =>
      setting.path.map((_, index) => setting.path.slice(0, index + 1).join('.')),
    );
    return issue.keys.map((name) => {
      const whole = key ? `${key}.${name}` : name;
      return `${whole}: there is no such setting (in ${file}).${suggest(whole, [...new Set(known)])}`;
    });
  }
  const setting = settingList.find((one) => one.path.join('.') === key);
  // An entry of a list came from wherever the list did: `masterKeys.0` from the variable of `masterKeys`.
  const isPartOf = ({ path }: Setting) => path.every((name, index) => issue.path[index] === name);
  const variable = fromEnv.find((one) => isPartOf(one.setting))?.setting.env;
  const where = variable ? `${variable} (${key})` : `${key} (in ${file})`;
  return [
    `${where}: ${setting && setting.kind !== 'text' ? `${issue.message}; allowed: ${setting.type}` : issue.message}.`,
  ];
}

/** The prefix that all share would make all of them alike. */
function suggestVariable(typed: string, known: readonly string[]): string {
  const bare = new Map(known.map((name) => [name.replace(/^FLUXSCRIBE_/, ''), name]));
  const near = nearestName(typed.replace(/^FLUXSCRIBE_/, ''), [...bare.keys()]);
  return near ? ` Did you mean ${bare.get(near)}?` : '';
}

function suggest(typed: string, known: readonly string[]): string {
  const near = nearestName(typed, known);
  return near ? ` Did you mean ${near}?` : '';
}

type Collected = Omit<Settings, 'providers'> & { providers: ProviderSettings[] };

function complete(settings: Collected, workingDir: string): Config {
  const absolute = (path: string) => resolve(workingDir, expandHome(path));
  const { modelMirror, catalogueFile } = settings;
  return {
    ...settings,
    dataDir: absolute(settings.dataDir),
    modelsDir: absolute(settings.modelsDir),
    modelMirror: modelMirror === null || /^https?:\/\//i.test(modelMirror) ? modelMirror : absolute(modelMirror),
    catalogueFile: catalogueFile === null ? null : absolute(catalogueFile),
    engine: { ...settings.engine, workers: workerCount(settings.engine.workers, 8) },
    audio: { ...settings.audio, workers: workerCount(settings.audio.workers, 4) },
  };
}

/** `auto` is a ceiling on memory, not on speed: past it an operator should choose. */
function workerCount(setting: number | 'auto', autoMax: number): number {
  return setting === 'auto' ? Math.max(1, Math.min(autoMax, availableParallelism())) : setting;
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path;
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
