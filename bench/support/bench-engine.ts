import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Audio, AudioOpener } from '../../src/audio/audio.ts';
import { createAudioOpener } from '../../src/audio/opener.ts';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import { createEngine, type Engine, type EngineOptions } from '../../src/engine/engine.ts';
import { createModelStore, type ModelStore } from '../../src/models/model-store.ts';
import { readNpmSettings } from '../../src/models/npm-settings.ts';

export const sharedAudio = fileURLToPath(new URL('../../../shared/audio/', import.meta.url));

export const MODEL = 'moonshine-tiny';

export interface BenchEngine {
  readonly engine: Engine;
  readonly opener: AudioOpener;
  readonly store: ModelStore;
  open(path: string): Promise<Audio>;
  close(): Promise<void>;
}

/** The embedded engine and the decoder alone, without a server, for benches and tests. Fetches the default model when missing. */
export async function openBenchEngine(workers: number, overrides: Partial<EngineOptions> = {}): Promise<BenchEngine> {
  const config = loadConfig({ env: process.env, workingDir: process.cwd() });
  const store = createModelStore({
    dir: config.modelsDir,
    mirror: config.modelMirror,
    artifacts: loadCatalogue(null).artifacts,
    log: silentLog,
    npmSettings: () => readNpmSettings(process.env, process.cwd()),
  });
  for (const id of [MODEL, 'silero-vad']) await store.ensure(id);
  const opener = createAudioOpener({ workers: 1, maxOpenRequests: 64, log: silentLog });
  const engine = createEngine({
    models: {
      vadPath: store.path('silero-vad', 'silero_vad_v5.onnx'),
      models: [{ id: MODEL, loader: 'moonshine', folder: folderOf(store) }],
      duos: [],
      warm: [MODEL],
    },
    workers,
    threadsPerWorker: 1,
    maxRecordings: 64,
    recycleResidentBytes: 2 ** 30,
    jobTimeoutMs: 120_000,
    log: silentLog,
    ...overrides,
  });
  await engine.ready();
  return {
    engine,
    opener,
    store,
    async open(path) {
      const { size } = await stat(path);
      return opener.open({ path, sizeBytes: size }, { maxDurationMs: 4 * 3600_000 }, new AbortController().signal);
    },
    async close() {
      await engine.close();
      await opener.close();
    },
  };
}

/** Folder of the default model's files. */
export function folderOf(store: ModelStore): string {
  return store.path(MODEL, 'encoder_model.onnx').replace(/[/\\][^/\\]+$/, '');
}

/** Ends the process with a clear word when the test audio is not there. */
export function needSharedAudio(): void {
  if (existsSync(sharedAudio)) return;
  console.error('This bench needs the speech test set in ../shared/audio beside the repository.');
  process.exit(2);
}
