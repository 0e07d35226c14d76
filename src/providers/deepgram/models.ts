import type { ModelCard } from '../contract.ts';

/** A model of Deepgram's as the catalogue has it. */
export interface DeepgramModel {
  readonly card: ModelCard;
  /** Deepgram's name: `nova-3`, `flux-general-multi`. */
  readonly upstreamModel: string;
  /** Names for single languages where another model hears them better: `{ en: 'flux-general-en' }`. */
  readonly upstreamByLanguage?: Readonly<Record<string, string>>;
  /** `prerecorded`: one upload over HTTP. `flux`: streamed through `/v2/listen`, since Flux has no batch route. */
  readonly route: 'prerecorded' | 'flux';
}

/** Deepgram's own address, as its SDKs write it: without a version. */
export const deepgramBaseUrl = 'https://api.deepgram.com';
