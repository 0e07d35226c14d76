import { z } from 'zod';
import type { SettingMeta } from './setting-shapes.ts';
import { settingsSchema } from './settings.ts';

/** One setting as data, read off the schema: the loader maps environment variables by it, the documentation prints it. */
export interface Setting extends SettingMeta {
  /** Where it lies in the file: `['limits', 'maxUploadBytes']`. */
  readonly path: readonly string[];
  /** `maps`: a list of maps, as YAML in a variable. */
  readonly kind: 'text' | 'number' | 'boolean' | 'list' | 'maps' | 'choice';
  /** `whole number from 1 to 256, or auto`. */
  readonly type: string;
  /** As JSON. */
  readonly defaultValue: unknown;
}

const settingMeta = z.object({ env: z.string(), description: z.string(), secret: z.literal(true).optional() });

/** The parts of zod's JSON Schema that our settings use. */
const jsonType = z.object({
  type: z.enum(['string', 'number', 'integer', 'boolean', 'array', 'null', 'object']).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  items: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  const: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  default: z.unknown().optional(),
});
type JsonType = z.infer<typeof jsonType>;

/** Every setting in the order of the schema. */
export const settingList: readonly Setting[] = collect(z.toJSONSchema(settingsSchema, { io: 'input' }), []);

function collect(node: unknown, path: readonly string[]): Setting[] {
  const { properties } = jsonType.parse(node);
  return Object.entries(properties ?? {}).flatMap(([name, child]) => {
    const json = jsonType.parse(child);
    const childPath = [...path, name];
    if (json.type === 'object') return collect(child, childPath);
    const { env, description, secret } = settingMeta.parse(child);
    return [
      {
        path: childPath,
        env,
        description,
        ...(secret && { secret }),
        kind: kindOf(json),
        type: typeText(json),
        defaultValue: json.default,
      },
    ];
  });
}

function alternatives(json: JsonType): JsonType[] {
  return (json.anyOf ?? []).map((one) => jsonType.parse(one)).filter((one) => one.type !== 'null');
}

function kindOf(json: JsonType): Setting['kind'] {
  const kinds = alternatives(json).map(kindOf);
  if (kinds.includes('number')) return 'number';
  if (kinds.length > 0) return kinds[0]!;
  if (json.enum || json.const !== undefined) return 'choice';
  if (json.type === 'number' || json.type === 'integer') return 'number';
  if (json.type === 'boolean') return 'boolean';
  if (json.type === 'array') return isMap(json.items) ? 'maps' : 'list';
  return 'text';
}

function isMap(items: unknown): boolean {
  return jsonType.parse(items).type === 'object';
}

function typeText(json: JsonType): string {
  const options = alternatives(json);
  if (options.length > 0) return options.map(typeText).join(' or ');
  if (json.const !== undefined) return `\`${json.const}\``;
  if (json.enum) return json.enum.map((one) => `\`${one}\``).join(', ');
  if (json.type === 'integer') return `whole number, ${json.minimum} to ${json.maximum}`;
  if (json.type === 'number') return `number, ${json.minimum} to ${json.maximum}`;
  if (json.type === 'boolean') return '`true`, `false`';
  if (json.type === 'array') return isMap(json.items) ? 'list of maps' : 'list';
  return 'text';
}
