import { setFlagsFromString } from 'node:v8';

/**
 * Room for garbage in percent of what is alive (some 50 MB, uploads in progress included). Collections of young objects
 * begin when 64 MB of uploads have come in, and free nearly all of them; with V8's own 30 to 60 percent those dead uploads
 * alone made every one of them start a full collection.
 */
const growingPercent = 200;

/**
 * Tells V8 to weigh the bytes outside its heap (uploads, mostly) with those inside when it decides on a full collection,
 * instead of starting one for every 32 MB of them, and to leave room for what young collections free anyhow: each full one
 * walks our 40 MB of objects, which cost a 1 MB upload more than all else that is done with it, and lets everybody wait for
 * 10 to 60 ms (docs/decisions/2026-11-21-hot-path.md has the figures). Memory stays bounded: what is outside still counts
 * towards the limit that V8 sets itself.
 *
 * Young collections are done by one thread, and the room for young objects stays as large as it became while the server
 * started: little survives one, and 50 MB that are walked over and over find no place in the processor's cache. Together:
 * under 1 ms each instead of 6 to 12, and 50 to 250 MB less of memory.
 */
export function relaxCollector(): void {
  // The names of the flags were checked in V8 13 (Node 24); an unknown one would be complained about on standard error.
  if (!process.versions.v8.startsWith('13.')) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}
