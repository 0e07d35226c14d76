import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import onnxProto from 'onnx-proto';
import { makeWhisper, writeMadeWhisper } from '../../test/helpers/made-whisper.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { loadCatalogue } from '../catalogue/load-catalogue.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { nameFromFolder } from './import-model.ts';
import { withImportedModels } from './imported-catalogue.ts';
import { importedModels } from './imported-models.ts';
import { createModelStore, type ModelStore } from './model-store.ts';

describe('imported models', () => {
  let root = '';
  let dir = '';
  let store: ModelStore;
  const catalogue: Catalogue = loadCatalogue(null);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'import-test-'));
    dir = join(root, 'models');
    store = createModelStore({
      ...{ dir, mirror: null, artifacts: catalogue.artifacts, log: silentLog, npmSettings: async () => ({}) },
    });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const folderOf = (files: Readonly<Record<string, string | Buffer>>): string => {
    const folder = mkdtempSync(join(root, 'own-'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return folder;
  };
  const take = (folder: string, name = 'mine', languages: readonly string[] | null = null) =>
    store.importFolder({ folder, name, languages });
  const refuses = (work: Promise<unknown>, code: string, reason: RegExp) =>
    assert.rejects(work, (error) => error instanceof GatewayError && error.code === code && reason.test(error.message));
  const moonshine = () => folderOf({ 'encoder_model.onnx': 'e', 'decoder_model_merged.onnx': 'd', 'notes.txt': 'x' });

  it('converts a CTranslate2 Whisper folder, and offers it with its languages', async () => {
    const folder = join(root, 'faster-whisper-mine');
    await writeMadeWhisper(folder, makeWhisper());
    const steps: number[] = [];
    const manifest = await store.importFolder({
      ...{ folder, name: 'mine', languages: null },
      onProgress: (fraction) => steps.push(fraction),
    });
    assert.deepEqual([manifest.loader, manifest.translate, manifest.languages], ['whisper', true, ['en', 'sv', 'haw']]);
    assert.equal(steps.at(-1), 1);
    const [model] = await importedModels(dir);
    assert.deepEqual([model?.id, model?.loader, model?.folder], ['mine', 'whisper', join(dir, 'mine')]);
    assert.equal(await store.isInstalled('mine'), true);
    assert.deepEqual(await store.verify('mine'), []);
  });

  it('copies a Moonshine folder, what the loader reads and nothing else', async () => {
    await take(moonshine());
    assert.deepEqual(readdirSync(join(dir, 'mine')).sort(), [
      'decoder_model_merged.onnx',
      'encoder_model.onnx',
      'model.json',
    ]);
    assert.deepEqual((await importedModels(dir))[0]?.languages, ['en']);
  });

  it('copies a sherpa-onnx Whisper folder in 8 bits, with the languages that it names', async () => {
    const encoder = onnxOf({ model_type: 'whisper-tiny', is_multilingual: '1', all_language_codes: 'en,sv,jw' });
    const folder = folderOf({
      'tiny-encoder.onnx': encoder,
      'tiny-encoder.int8.onnx': encoder,
      'tiny-decoder.int8.onnx': onnxOf({}),
      'tiny-tokens.txt': 'x',
    });
    const { languages, translate, files } = await take(folder);
    assert.deepEqual([languages, translate], [['en', 'sv', 'jv'], true]);
    assert.deepEqual(
      files.map((one) => one.name),
      ['tiny-encoder.int8.onnx', 'tiny-decoder.int8.onnx', 'tiny-tokens.txt'],
    );
  });

  it("takes a streaming Zipformer's decoder in full, and asks what a transducer speaks", async () => {
    const encoder = onnxOf({ model_type: 'zipformer2', decode_chunk_len: '32' });
    const folder = folderOf({
      'encoder-epoch-1.int8.onnx': encoder,
      'decoder-epoch-1.onnx': onnxOf({}),
      'decoder-epoch-1.int8.onnx': onnxOf({}),
      'joiner-epoch-1.int8.onnx': onnxOf({}),
      'tokens.txt': 'x',
    });
    await refuses(take(folder), 'invalid_value', /does not say what it speaks.*--languages/);
    const { loader, languages, files } = await take(folder, 'mine', ['English', 'sv-SE']);
    assert.deepEqual([loader, languages], ['sherpa-zipformer-streaming', ['en', 'sv']]);
    assert.ok(files.some((one) => one.name === 'decoder-epoch-1.onnx'));
  });

  it('refuses what is no model, and says what would be one', async () => {
    await refuses(take(folderOf({ 'notes.txt': 'x' })), 'invalid_value', /It takes: a CTranslate2 Whisper folder/);
    await refuses(take(join(root, 'gone')), 'invalid_value', /no such folder/);
    await refuses(
      take(folderOf({ 'encoder_model.onnx': '', 'decoder_model_merged.onnx': 'd' })),
      'invalid_value',
      /empty/,
    );
    assert.deepEqual(await importedModels(dir), []);
  });

  it('refuses names that are bad, taken, or of the catalogue', async () => {
    for (const name of ['', '.hidden', '../out', 'a/b', 'Big', 'x'.repeat(65)]) {
      await refuses(take(moonshine(), name), 'invalid_value', /cannot be a model's name/);
    }
    await refuses(take(moonshine(), 'whisper-base'), 'invalid_value', /is a model of the catalogue/);
    await take(moonshine());
    await refuses(take(moonshine()), 'invalid_value', /already/);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const folder = folderOf({ 'encoder_model.onnx': Buffer.alloc(1_000_000), 'decoder_model_merged.onnx': 'd' });
    const stop = new AbortController();
    const work = store.importFolder(
      { folder, name: 'mine', languages: null, onProgress: () => stop.abort() },
      { signal: stop.signal },
    );
    await assert.rejects(work);
    assert.deepEqual(readdirSync(dir), ['.parts']);
    assert.deepEqual(readdirSync(join(dir, '.parts')), []);
  });

  it('are not offered when a file is missing or cut off, when the manifest makes no sense, or under another name', async () => {
    await take(moonshine(), 'cut');
    truncateSync(join(dir, 'cut', 'encoder_model.onnx'), 0);
    await take(moonshine(), 'odd');
    writeFileSync(join(dir, 'odd', 'model.json'), '{"format": 2');
    await take(moonshine(), 'whole');
    mkdirSync(join(dir, 'copy'));
    writeFileSync(join(dir, 'copy', 'model.json'), readFileSync(join(dir, 'whole', 'model.json')));
    assert.deepEqual(
      (await importedModels(dir)).map((one) => one.id),
      ['whole'],
    );
  });

  it('stand in the catalogue after its own models, which win', async () => {
    await take(moonshine());
    const full = withImportedModels(catalogue, await store.imported());
    const model = full.models.at(-1);
    assert.deepEqual(
      [model?.id, model?.artifact, model?.features.includes('translate')],
      ['local/mine', 'mine', false],
    );
    assert.equal(withImportedModels(full, await store.imported()), full);
  });

  it('can be removed like others, and only what is known', async () => {
    await take(moonshine());
    assert.equal(await store.remove('mine'), true);
    assert.deepEqual(await store.imported(), []);
    assert.equal(await store.remove('whisper-base'), false);
    await assert.rejects(store.remove('../own'), RangeError);
  });

  it('get a name out of the name of their folder', () => {
    assert.equal(nameFromFolder('Faster Whisper (Svenska)'), 'faster-whisper-svenska-');
    assert.equal(nameFromFolder('--'), '');
  });
});

function onnxOf(metadata: Readonly<Record<string, string>>): Buffer {
  const { ModelProto } = onnxProto.onnx;
  const model = {
    irVersion: 8,
    graph: { name: 'made' },
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return Buffer.from(ModelProto.encode(model).finish());
}
