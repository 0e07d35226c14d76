import type { ModelCard } from '../contract.ts';

/** A model that callers can name, and what the package calls it. */
export interface AiSdkModel {
  readonly card: ModelCard;
  /** As it is handed to the package: `default`, `machine`, `whisper-1`. */
  readonly name: string;
}

/**
 * Largest upload that a model behind the bridge takes unless the settings say otherwise, in bytes: the AI SDK wants the
 * whole recording in memory, and copies it on its way.
 */
export const defaultBridgeUploadBytes = 32 * 1024 * 1024;

/**
 * Recordings that one provider behind the bridge holds in memory at one time, in bytes; each is there up to three times
 * (as read, in the package's form, on the wire). Beyond it the next candidate is asked.
 */
export const heldBytesCeiling = 128 * 1024 * 1024;
