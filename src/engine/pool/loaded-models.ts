import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { calibrateWords } from '../confidence/calibrate-words.ts';
import type { Listener } from '../listener.ts';
import { Moonshine } from '../moonshine/moonshine.ts';
import type { WorkerModel, WorkerSetup } from '../protocol.ts';
import { isSherpaModel } from '../sherpa/is-sherpa-model.ts';
import type { SpeechModel } from '../speech-model.ts';
import type { SileroVad } from '../vad/silero-vad.ts';
import { Whisper } from '../whisper/whisper.ts';
import { WindowRecogniser } from '../window-recogniser.ts';

/**
 * Memory that a model's sessions take for each byte of its files: weights are packed again for the processor, and the
 * decoder is opened as two graphs. Measured 2 to 2.6 on 2026-11-21; memory below this is the model's own, not growth.
 */
const RESIDENT_PER_FILE_BYTE = 3;

/** The models of one engine process, each loaded when it is first needed. */
export class LoadedModels {
  readonly #setup: WorkerSetup;
  readonly #vad: SileroVad;
  readonly #recogniser: WindowRecogniser;
  readonly #speechModels = new Map<string, Promise<SpeechModel>>();
  readonly #listeners = new Map<string, Promise<Listener>>();
  #bytes = 0;

  constructor(setup: WorkerSetup, vad: SileroVad) {
    this.#setup = setup;
    this.#vad = vad;
    this.#recogniser = new WindowRecogniser(vad);
  }

  /** Most memory that the models loaded so far may take, in bytes. */
  get residentBytes(): number {
    return this.#bytes * RESIDENT_PER_FILE_BYTE;
  }

  /** Who listens under this id of a model or a duo. Rejects when there is none or its files cannot be loaded. */
  listener(id: string): Promise<Listener> {
    return kept(this.#listeners, id, () => this.#openListener(id));
  }

  async #openListener(id: string): Promise<Listener> {
    const duo = this.#setup.duos.find((one) => one.id === id);
    if (duo) {
      const { Duo } = await import('../duo/duo.ts');
      return new Duo({
        english: await this.#speechModel(duo.english),
        general: await this.#speechModel(duo.general),
        recogniser: this.#recogniser,
        mode: duo.mode,
        ids: { english: duo.english, general: duo.general },
      });
    }
    const known = this.#known(id);
    if (isSherpaModel(known)) {
      const { SherpaModel } = await import('../sherpa/sherpa-model.ts');
      this.#bytes += await folderBytes(known.folder);
      return SherpaModel.open(known, this.#vad, this.#setup.threads);
    }
    const model = await this.#speechModel(id);
    const recogniser = this.#recogniser;
    const hear: Listener['recognise'] = (pcm, speech, ask, shouldStop) =>
      recogniser.recognise({ id, model }, pcm, speech, ask, shouldStop);
    return {
      recognise: known.loader === 'moonshine' ? calibrated(hear) : hear,
      align: (pcm, speech, words, language) => recogniser.align(model, pcm, speech, words, language),
    };
  }

  #known(id: string): WorkerModel {
    const known = this.#setup.models.find((one) => one.id === id);
    if (!known) throw new Error('the model is not loaded');
    return known;
  }

  #speechModel(id: string): Promise<SpeechModel> {
    return kept(this.#speechModels, id, async () => {
      const known = this.#known(id);
      this.#bytes += await folderBytes(known.folder);
      const model = await openSpeechModel(known, this.#setup.threads);
      await warmUp(model);
      return model;
    });
  }
}

/** Alone as in a pair: a first pass is kept or not by what its words say of themselves. Measured on Moonshine tiny. */
function calibrated(hear: Listener['recognise']): Listener['recognise'] {
  return async (...window) => {
    const heard = await hear(...window);
    return { ...heard, words: calibrateWords(heard.words, 'moonshine') };
  };
}

function openSpeechModel({ loader, folder }: WorkerModel, threads: number): Promise<SpeechModel> {
  if (loader === 'moonshine') return Moonshine.open(folder, threads);
  if (loader === 'whisper') return Whisper.open(folder, threads);
  throw new Error(`no text model is loaded by '${loader}'`);
}

/** The first run of a session allocates and packs; better before somebody's words. */
async function warmUp<Encoded>(model: SpeechModel<Encoded>): Promise<void> {
  const window = await model.encode(new Float32Array(16_000));
  await model.greedy(window, { language: model.languages[0] ?? 'en', task: 'transcribe' }, () => true);
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, one) => sum + one, 0);
}

/** The value under a key, made at most once; a failure is not kept, so the next call tries again. */
function kept<Value>(map: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  made.catch(() => map.delete(key));
  return made;
}
