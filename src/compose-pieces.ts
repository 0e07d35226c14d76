import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpeechFinder } from './audio/audio.ts';
import { openTempFolder, type TempFolder } from './audio/temp-folder.ts';
import type { Config } from './config/load-config.ts';
import type { Log } from './core/log.ts';
import { createTranscribeInPieces } from './pipeline/pieces/transcribe-in-pieces.ts';
import type { InPieces } from './routing/attempts-parts.ts';

/** Recordings that are more than a model takes. */
export interface Pieces {
  readonly transcribeInPieces: InPieces;
  /** Removes what pieces there are. */
  close(): Promise<void>;
}

/** Where received uploads and pieces of recordings lie while they are worked on. */
export function tempDirOf(config: Config): string {
  return join(config.dataDir, 'uploads');
}

/** Touches the disk with the first recording that has to be cut: most processes never see one. */
export function createPieces(config: Config, speechFinder: SpeechFinder, log: Log): Pieces {
  let opening: Promise<TempFolder> | null = null;
  async function open(): Promise<TempFolder> {
    const tempDir = tempDirOf(config);
    await mkdir(tempDir, { recursive: true, mode: 0o700 });
    return openTempFolder({ tempDir, minFreeDiskBytes: config.limits.minFreeDiskBytes, log });
  }
  async function tempFolder(): Promise<TempFolder> {
    opening ??= open();
    try {
      return await opening;
    } catch (thrown) {
      // The disk may have room, or the folder its rights, when the next recording comes.
      opening = null;
      throw thrown;
    }
  }
  return {
    transcribeInPieces: createTranscribeInPieces({
      speechFinder,
      tempFolder,
      maxPieceMs: Math.round(config.routing.pieceSeconds * 1000),
    }),
    async close() {
      // Whoever wanted a folder that could not be opened has been told.
      const folder = await opening?.catch(() => null);
      await folder?.close();
    },
  };
}
