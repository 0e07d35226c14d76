/**
 * What the bridge needs of a transcription model of Vercel's AI SDK. The specifications v2, v3 and v4 (`@ai-sdk/provider` 2
 * to 4) agree on this much; what a model answers is parsed in `response.ts`, whatever its types say.
 */
export interface TranscriptionModel {
  readonly specificationVersion: string;
  /** `gladia.transcription`, `openai.transcription`. */
  readonly provider: string;
  doGenerate(options: GenerateOptions): PromiseLike<unknown>;
}

export interface GenerateOptions {
  /** The whole recording: the specification knows no stream. */
  readonly audio: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  /** Known to v4; older models never look. */
  readonly timestampGranularities?: ('word' | 'segment')[];
  /** By the name that the package gives itself: `{ gladia: { diarization: true } }`. */
  readonly providerOptions: ProviderOptions;
  readonly abortSignal: AbortSignal;
}

/** Out of the settings' YAML, so that the values are those of JSON. */
export type ProviderOptions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What every factory of the AI SDK takes. */
export interface FactorySettings {
  /** Left out: the package reads the variable that it knows. */
  readonly apiKey?: string;
  /** Packages without a base address do not look at it. */
  readonly baseURL?: string;
  readonly fetch: typeof globalThis.fetch;
}

/** Makes the model of this name, whose requests go out by the settings' `fetch`. Throws GatewayError. */
export type ModelFactory = (modelName: string, settings: FactorySettings) => TranscriptionModel;
