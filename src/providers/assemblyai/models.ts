import type { ModelCard } from '../contract.ts';

/** A model that callers can name, and what it is called over there. */
export interface AssemblyAiModel {
  /** `prompt` and `temperature` among its features: newer models (Universal-3 Pro and on) take them, older ones answer 400. */
  readonly card: ModelCard;
  /** AssemblyAI's name: `universal-3-5-pro`, `universal-2`. */
  readonly name: string;
}

/** AssemblyAI's own address, as its SDKs write it: without a version. In Europe `https://api.eu.assemblyai.com`. */
export const assemblyAiBaseUrl = 'https://api.assemblyai.com';
