import type { ModelCard } from '../contract.ts';

/** A model that callers can name, and what it is called over there. */
export interface DeepgramModel {
  readonly card: ModelCard;
  /**
   * Deepgram's name: `nova-3`, `flux-general-multi`. A Flux name without its last part, `flux-general`, means the one for
   * English alone when English is asked for, and otherwise the one for several languages.
   */
  readonly name: string;
}

/** Deepgram's own address, as its SDKs write it: without a version. */
export const deepgramBaseUrl = 'https://api.deepgram.com';

/** Flux has no batch route: its recordings are streamed. */
export function isFlux({ name }: DeepgramModel): boolean {
  return name.startsWith('flux-');
}

/** Deepgram's name for a Flux model in a language; null: unknown. Only those of several languages take hints. */
export function fluxName({ name }: DeepgramModel, language: string | null): string {
  const whole = name.endsWith('-multi') || /-[a-z]{2}$/.test(name);
  return whole ? name : `${name}-${language === 'en' ? 'en' : 'multi'}`;
}
