import { setFlagsFromString } from 'node:v8';

/**
 * Tells V8 to weigh the bytes outside its heap (uploads, mostly) with those inside when it decides on a full collection,
 * instead of starting one for every 32 MB of them: each walks our 40 MB of objects, which cost a 1 MB upload more than all
 * else that is done with it (docs/decisions/2026-11-21-hot-path.md has the figures). Memory stays bounded: what is outside
 * still counts towards the limit that V8 sets itself.
 */
export function relaxCollector(): void {
  // The name of the flag was checked in V8 13 (Node 24); an unknown one would be complained about on standard error.
  if (process.versions.v8.startsWith('13.')) setFlagsFromString('--external-memory-accounted-in-global-limit');
}
