import type { ModelCard } from '../contract.ts';

/** A model that callers can name, and what it is called over there. */
export interface ElevenLabsModel {
  readonly card: ModelCard;
  /** ElevenLabs's name: `scribe_v1`, `scribe_v2`. */
  readonly name: string;
}

/** ElevenLabs's own address, as its SDKs write it: without a version. */
export const elevenLabsBaseUrl = 'https://api.elevenlabs.io';
