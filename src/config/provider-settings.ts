import { z } from 'zod';

/** Upstream speech services: what an operator can say about each of them. */

/** How a service is spoken to. The first group are vendors with an address of their own; the others are boxes. */
export const providerKinds = [
  'openai',
  'azure',
  'groq',
  'mistral',
  'siliconflow',
  'fireworks',
  'together',
  'hugging-face',
  'deepgram',
  'assemblyai',
  'elevenlabs',
  'speaches',
  'vllm',
  'whisper.cpp',
  'fluxscribe',
  'openai-like',
  'ai-sdk',
] as const;
export type ProviderKind = (typeof providerKinds)[number];

/** Kinds that have no address unless somebody names it. */
const kindsWithoutAddress: ReadonlySet<ProviderKind> = new Set([
  'azure',
  'speaches',
  'vllm',
  'whisper.cpp',
  'fluxscribe',
  'openai-like',
]);

const key = z
  .string()
  .regex(/^[\x21-\x7e]{1,4096}$/, 'must be visible ASCII characters without spaces')
  .nullable()
  .default(null);

const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
  .transform((address) => address.replace(/\/+$/, ''));

const upstreamModel = z.strictObject({
  /** As the service writes it. */
  name: z.string().min(1).max(200),
  /** After the provider's id and a slash; the last part of the name when left out. */
  id: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/)
    .optional(),
  /** A model whose abilities it shares, such as `whisper-1`: of a name of one's own nothing can be told. */
  like: z.string().min(1).optional(),
  /** ISO-639-1 codes, or `*`. */
  languages: z.array(z.string().min(1)).min(1).default(['*']),
  /** US dollars for a minute of audio, in quotes. */
  perMinuteUsd: z
    .string()
    .regex(/^\d{1,12}(\.\d{1,9})?$/, 'must be a dollar amount in quotes, with at most nine places')
    .default('0'),
  /** Ceilings of one call; above them a recording is cut. Left out: none that is known. */
  maxUploadBytes: z.number().int().min(1024).optional(),
  maxSeconds: z.number().min(1).optional(),
  /** Pieces of one cut recording that it is sent at one time; a server with one place at the counter gets 1. */
  maxParallel: z.number().int().min(1).max(64).optional(),
});

export const providerSchema = z
  .strictObject({
    /** The beginning of its models' names. */
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and dashes')
      .refine((id) => id !== 'local', "must not be 'local', which is the embedded engine"),
    kind: z.enum(providerKinds),
    baseUrl: baseUrl.nullable().default(null),
    /** Where several boxes serve the same models: all of them, or those beside `baseUrl`. */
    baseUrls: z.array(baseUrl).max(64).default([]),
    apiKey: key,
    /** Variable that holds the key, so that it need not stand in a file. */
    apiKeyEnv: z.string().min(1).optional(),
    /** Azure's `api-version`, for the addresses before v1. */
    apiVersion: z
      .string()
      .regex(/^[A-Za-z0-9.-]+$/)
      .nullable()
      .default(null),
    models: z.array(upstreamModel).max(1000).default([]),
    /** For `ai-sdk`: the npm package of a Vercel AI SDK provider, which the operator installs. */
    package: z
      .string()
      .max(214)
      .regex(/^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/, 'must be the name of an npm package')
      .optional(),
    /** For `ai-sdk`: its export that makes the provider, where it cannot be told by its name. */
    factory: z
      .string()
      .regex(/^[A-Za-z_$][\w$]*$/)
      .optional(),
    /** For `ai-sdk`: `providerOptions` as the AI SDK's documentation writes them, such as `{ gladia: { … } }`. */
    options: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  })
  .readonly();

/** One upstream service that is switched on. `baseUrls` are its boxes beside the one at `baseUrl`. */
export type ProviderSettings = Omit<z.infer<typeof providerSchema>, 'apiKeyEnv'>;
type WrittenProvider = z.infer<typeof providerSchema>;

/** The variables by which a vendor's own SDK is set up. */
export interface VendorVariables {
  readonly kind: ProviderKind;
  readonly key: string;
  /** The first that is set counts. */
  readonly baseUrl: readonly string[];
  readonly apiVersion?: readonly string[];
}

const usual = (kind: ProviderKind, name: string): VendorVariables => ({
  kind,
  key: `${name}_API_KEY`,
  baseUrl: [`${name}_BASE_URL`],
});

/** A key among these switches its provider on; the address beside it is what the vendor's own SDK means by that name. */
export const vendorVariables: readonly VendorVariables[] = [
  usual('openai', 'OPENAI'),
  {
    kind: 'azure',
    key: 'AZURE_OPENAI_API_KEY',
    baseUrl: ['AZURE_OPENAI_BASE_URL', 'AZURE_OPENAI_ENDPOINT'],
    apiVersion: ['AZURE_OPENAI_API_VERSION', 'OPENAI_API_VERSION'],
  },
  usual('groq', 'GROQ'),
  usual('mistral', 'MISTRAL'),
  usual('siliconflow', 'SILICONFLOW'),
  usual('fireworks', 'FIREWORKS'),
  usual('together', 'TOGETHER'),
  { kind: 'hugging-face', key: 'HF_TOKEN', baseUrl: ['HF_BASE_URL', 'HF_INFERENCE_ENDPOINT'] },
  usual('deepgram', 'DEEPGRAM'),
  usual('assemblyai', 'ASSEMBLYAI'),
  usual('elevenlabs', 'ELEVENLABS'),
];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The providers of the file, and those that the environment switches on. An entry of the file with the id of one of the
 * environment's adds to it. Problems are pushed, one line each, without any secret.
 */
export function collectProviders(
  written: readonly WrittenProvider[],
  env: Environment,
  problems: string[],
): readonly ProviderSettings[] {
  const providers = new Map<string, ProviderSettings>();
  for (const { kind, key: keyName, baseUrl: addressNames, apiVersion: versionNames = [] } of vendorVariables) {
    const apiKey = env[keyName]?.trim();
    if (!apiKey) continue;
    const addressName = addressNames.find((name) => env[name]?.trim());
    const parsed = providerSchema.safeParse({
      id: kind,
      kind,
      apiKey,
      baseUrl: addressName === undefined ? null : env[addressName]?.trim(),
      apiVersion: versionNames.map((name) => env[name]?.trim()).find((value) => value) ?? null,
    });
    if (parsed.success) providers.set(kind, withoutKeyName(parsed.data));
    else
      problems.push(
        ...parsed.error.issues.map((issue) => `${variableOf(issue, keyName, addressName)}: ${issue.message}.`),
      );
  }
  const seen = new Set<string>();
  for (const [index, entry] of written.entries()) {
    if (seen.has(entry.id)) problems.push(`providers.${index}.id: '${entry.id}' is there twice.`);
    seen.add(entry.id);
    const known = providers.get(entry.id);
    const own = withoutKeyName(entry);
    const apiKey = entry.apiKeyEnv === undefined ? own.apiKey : env[entry.apiKeyEnv]?.trim() || null;
    if (entry.apiKeyEnv !== undefined && apiKey === null) {
      problems.push(`providers.${index}.apiKeyEnv: the variable ${entry.apiKeyEnv} is not set.`);
    }
    const [firstUrl = null, ...furtherUrls] = new Set([own.baseUrl, ...own.baseUrls].filter((one) => one !== null));
    providers.set(entry.id, {
      ...own,
      apiKey: apiKey ?? (known?.kind === entry.kind ? known.apiKey : null),
      baseUrl: firstUrl ?? (known?.kind === entry.kind ? known.baseUrl : null),
      baseUrls: furtherUrls,
      apiVersion: own.apiVersion ?? (known?.kind === entry.kind ? known.apiVersion : null),
    });
  }
  for (const { id, kind, package: packageName, factory, options } of providers.values()) {
    if (kind === 'ai-sdk' && packageName === undefined) {
      problems.push(`providers: '${id}' has no package; name the AI SDK package that it uses, such as @ai-sdk/gladia.`);
    }
    if (kind !== 'ai-sdk' && (packageName ?? factory ?? options) !== undefined) {
      problems.push(
        `providers: '${id}' is of the kind ${kind}; package, factory and options belong to the kind ai-sdk.`,
      );
    }
  }
  for (const { id, kind, baseUrl: address } of providers.values()) {
    if (address !== null || !kindsWithoutAddress.has(kind)) continue;
    problems.push(
      kind === 'azure'
        ? `AZURE_OPENAI_ENDPOINT (or baseUrl of the provider '${id}'): the address of your Azure resource is missing.`
        : `providers: '${id}' has no baseUrl; a ${kind} server has no address of its own.`,
    );
  }
  return [...providers.values()];
}

function withoutKeyName({ apiKeyEnv: _, ...provider }: WrittenProvider): ProviderSettings {
  return provider;
}

function variableOf(issue: z.core.$ZodIssue, keyName: string, addressName: string | undefined): string {
  return issue.path[0] === 'baseUrl' && addressName !== undefined ? addressName : keyName;
}
