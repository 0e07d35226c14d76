import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import onnxProto from 'onnx-proto';
import { makeWhisper, writeMadeWhisper } from '../../../test/helpers/made-whisper.ts';
import { describeModelFolder } from './describe-model-folder.ts';

/** An ONNX file with this metadata behind a graph of some size. */
function onnxFile(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return onnxProto.onnx.ModelProto.encode({
    irVersion: 9,
    graph: { name: 'made', docString: 'x'.repeat(10_000) },
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  }).finish();
}

describe('describeModelFolder', () => {
  let work: string;
  let folders = 0;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'fluxscribe-kinds-'));
  });
  after(async () => {
    await rm(work, { recursive: true, force: true });
  });

  async function kindOf(files: Readonly<Record<string, Uint8Array | string>>) {
    const folder = join(work, String(++folders));
    await mkdir(folder);
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    return describeModelFolder(folder);
  }

  const nemo = onnxFile({ model_type: 'EncDecRNNTBPEModel', feat_dim: '128' });
  const zipformer = { model_type: 'zipformer2', decode_chunk_len: '32' };
  const kinds = [
    [
      'sherpa-whisper',
      {
        'tiny.en-encoder.int8.onnx': onnxFile({ model_type: 'whisper-tiny.en' }),
        'tiny.en-decoder.int8.onnx': onnxFile(),
        'tiny.en-tokens.txt': '',
      },
    ],
    [
      'sherpa-sense-voice',
      { 'model.int8.onnx': onnxFile({ model_type: 'sense_voice_ctc', lang_auto: '0' }), 'tokens.txt': '' },
    ],
    [
      'sherpa-nemo-transducer',
      {
        'encoder.int8.onnx': nemo,
        'decoder.int8.onnx': onnxFile(),
        'joiner.int8.onnx': onnxFile(),
        'tokens.txt': '',
      },
    ],
    [
      'sherpa-zipformer-streaming',
      {
        'encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx': onnxFile(zipformer),
        'decoder-epoch-99-avg-1-chunk-16-left-128.onnx': onnxFile(),
        'joiner-epoch-99-avg-1-chunk-16-left-128.int8.onnx': onnxFile(),
        'tokens.txt': '',
      },
    ],
    ['moonshine', { 'encoder_model.onnx': onnxFile(), 'decoder_model_merged.onnx': onnxFile() }],
  ] as const;
  for (const [kind, files] of kinds) {
    it(`knows ${kind} by its files and metadata`, async () => {
      assert.equal(await kindOf(files), kind);
    });
  }

  it('knows ctranslate2-whisper by the head of model.bin', async () => {
    const folder = join(work, 'ct2');
    await writeMadeWhisper(folder, makeWhisper());
    assert.equal(await describeModelFolder(folder), 'ctranslate2-whisper');
  });

  it('is null for other models, damaged ones, empty folders and no folder', async () => {
    const three = { 'decoder.onnx': onnxFile(), 'joiner.onnx': onnxFile(), 'tokens.txt': '' };
    assert.equal(await kindOf({}), null);
    assert.equal(await kindOf({ 'model.bin': makeWhisper({ specification: 'TransformerSpec' }).bytes }), null);
    assert.equal(await kindOf({ 'model.bin': 'short' }), null);
    assert.equal(await kindOf({ ...three, 'encoder.onnx': onnxFile({ model_type: 'zipformer2' }) }), null);
    assert.equal(await kindOf({ ...three, 'encoder.onnx': nemo.subarray(0, nemo.length - 3) }), null);
    assert.equal(await kindOf({ ...three, 'encoder.onnx': 'no model at all' }), null);
    assert.equal(await kindOf({ 'model.onnx': onnxFile({ model_type: 'sense_voice_ctc' }), 'tokens.txt': '' }), null);
    assert.equal(await describeModelFolder(join(work, 'nowhere')), null);
  });
});
