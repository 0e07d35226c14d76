import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import onnxProto, { type onnx } from 'onnx-proto';
import type * as ort from 'onnxruntime-node';
import {
  type MadeOptions,
  madeDims,
  madeVocabulary,
  makeWhisper,
  writeMadeWhisper,
} from '../../../test/helpers/made-whisper.ts';
import { GatewayError } from '../../core/errors.ts';
import { floatTensor, int64Tensor, openSession } from '../../engine/onnx/session.ts';
import type { StoredType } from './ctranslate2-file.ts';
import { importWhisper } from './import-whisper.ts';
import { readOnnxMetadata } from './onnx-metadata.ts';

const signal = new AbortController().signal;

let work: string;
let folders = 0;
const newFolder = () => join(work, String(++folders));

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'fluxscribe-import-'));
});
after(async () => {
  await rm(work, { recursive: true, force: true });
});

/** Imports a made model and gives back where it lies. */
async function imported(options: MadeOptions = {}, config?: object, vocabularyAs?: 'json' | 'txt') {
  const made = makeWhisper(options);
  const source = newFolder();
  const target = newFolder();
  await writeMadeWhisper(source, made, vocabularyAs, config);
  const result = await importWhisper(source, target, { name: 'made', signal });
  return { made, source, target, result };
}

async function refusal(options: MadeOptions): Promise<GatewayError> {
  const source = newFolder();
  await writeMadeWhisper(source, makeWhisper(options));
  return refusalOf(source);
}

async function refusalOf(source: string): Promise<GatewayError> {
  const target = newFolder();
  try {
    await importWhisper(source, target, { name: 'made', signal });
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, String(thrown));
    assert.deepEqual(await namesIn(target), []);
    return thrown;
  }
  assert.fail('it was imported');
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

/** One run of the encoder, then one of the decoder for two tokens and one for a third. */
async function runModel(target: string, layers: number): Promise<ort.Tensor[]> {
  const encoder = await openSession(join(target, 'encoder.int8.onnx'), 1);
  const decoder = await openSession(join(target, 'decoder.int8.onnx'), 1);
  const { mels, textContext, state } = madeDims;
  const mel = Float32Array.from({ length: mels * 14 }, (_, index) => Math.sin(index));
  const cross = await encoder.run({ mel: floatTensor(mel, [1, mels, 14]) });
  const cacheShape = [layers, 1, textContext, state];
  const cache = () => floatTensor(new Float32Array(layers * textContext * state), cacheShape);
  const step = (tokens: number[], offset: number, k: ort.Tensor, v: ort.Tensor) =>
    decoder.run({
      tokens: int64Tensor(tokens, [1, tokens.length]),
      in_n_layer_self_k_cache: k,
      in_n_layer_self_v_cache: v,
      n_layer_cross_k: cross.n_layer_cross_k!,
      n_layer_cross_v: cross.n_layer_cross_v!,
      offset: int64Tensor([offset], [1]),
    });
  const first = await step([9, 10], 0, cache(), cache());
  const second = await step([14], 2, first.out_n_layer_self_k_cache!, first.out_n_layer_self_v_cache!);
  await encoder.release();
  await decoder.release();
  return [cross.n_layer_cross_k!, first.logits!, second.logits!, second.cross_attention_weights!];
}

/** The 8-bit weight that the given product of a graph reads, as numbers, and its scales. */
async function readProduct(path: string, index: number): Promise<{ weights: Float32Array; scales: Float32Array }> {
  const graph = onnxProto.onnx.ModelProto.decode(await readFile(path)).graph!;
  const tensor = (name: string) => graph.initializer!.find((one) => one.name === name)!;
  const floats = (one: onnx.ITensorProto) => new Float32Array(new Uint8Array(one.rawData!).buffer);
  const product = graph.node!.filter((one) => one.opType === 'MatMulInteger')[index]!;
  const values = tensor(product.input![1]!);
  // The next product of two scalings reads the scales.
  const after = graph.node!.slice(graph.node!.indexOf(product));
  const scales = floats(tensor(after.find((one) => one.opType === 'Mul')!.input![1]!));
  const [inputs = 0, outputs = 0] = values.dims!.map(Number);
  const weights = Float32Array.from({ length: inputs * outputs }, (_, place) => {
    const [output, input] = [Math.floor(place / inputs), place % inputs];
    return (values.rawData![input * outputs + output]! - 128) * scales[output]!;
  });
  return { weights, scales };
}

describe('importWhisper', () => {
  const types: readonly StoredType[] = ['float32', 'float16', 'bfloat16', 'int8', 'int16'];
  for (const type of types) {
    it(`writes models out of ${type} weights that ONNX Runtime runs, within half a step of the weights`, async () => {
      const { made, target, result } = await imported({ type });
      const outputs = await runModel(target, 2);
      const vocabulary = madeVocabulary.length;
      assert.deepEqual(
        outputs.map((one) => one.dims),
        [
          [2, 1, 7, madeDims.state],
          [1, 2, vocabulary],
          [1, 1, vocabulary],
          [1, 1, 1, 7],
        ],
      );
      for (const output of outputs) assert.ok((output.data as Float32Array).every(Number.isFinite));
      const { weights, scales } = await readProduct(join(target, 'encoder.int8.onnx'), 0);
      const wanted = made.values.get('encoder/layer_0/self_attention/linear_0/weight')!;
      assert.equal(weights.length, wanted.length);
      for (const [place, weight] of weights.entries()) {
        const step = scales[Math.floor(place / madeDims.state)]!;
        assert.ok(Math.abs(weight - wanted[place]!) <= step * 0.5001, `${weight} for ${wanted[place]}`);
      }
      assert.equal(result.files.length, 3);
    });
  }

  it('tells what it made, with sizes and sums', async () => {
    const { target, result } = await imported({}, undefined, 'txt');
    const { files, ...rest } = result;
    assert.deepEqual(rest, {
      name: 'made',
      multilingual: true,
      languages: ['en', 'sv', 'haw'],
      layers: { encoder: 1, decoder: 2 },
      dims: {
        mels: 4,
        audioContext: 10,
        textContext: 12,
        state: 8,
        vocabulary: madeVocabulary.length,
        encoderHeads: 2,
        decoderHeads: 2,
        encoderLayers: 1,
        decoderLayers: 2,
      },
    });
    assert.deepEqual(
      files.map((one) => one.name),
      ['encoder.int8.onnx', 'decoder.int8.onnx', 'tokens.txt'],
    );
    assert.deepEqual((await readdir(target)).sort(), ['decoder.int8.onnx', 'encoder.int8.onnx', 'tokens.txt']);
    for (const file of files) {
      const bytes = await readFile(join(target, file.name));
      assert.equal(bytes.length, file.sizeBytes);
      assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256);
    }
  });

  it('writes the bytes of each token, and leaves the special ones out', async () => {
    const { target } = await imported();
    const lines = (await readFile(join(target, 'tokens.txt'), 'utf8')).trimEnd().split('\n');
    const tokens = lines.map((line) => Buffer.from(line.split(' ')[0]!, 'base64').toString('latin1'));
    assert.deepEqual(tokens, ['!', 'a', 'b', ' ', ' the', '\u00e9', '\u00ad', Buffer.from('漢').toString('latin1')]);
    assert.equal(lines[7]!.split(' ')[1], '7');
  });

  it('notes for sherpa-onnx which tokens are special', async () => {
    const { target } = await imported();
    const metadata = await readOnnxMetadata(join(target, 'encoder.int8.onnx'));
    const wanted = {
      model_type: 'whisper-made',
      n_mels: '4',
      sot_sequence: '9,10,14',
      all_language_tokens: '10,11,12',
      all_language_codes: 'en,sv,haw',
      non_speech_tokens: '0,2',
      blank_id: '3',
      no_speech: '17',
      alignment_heads: '0:1',
    };
    for (const [key, value] of Object.entries(wanted)) assert.equal(metadata?.get(key), value, key);
  });

  it('follows all heads of the last layers when the folder names none that the model has', async () => {
    const { target } = await imported({}, { alignment_heads: [[31, 7]], suppress_ids: null });
    const metadata = await readOnnxMetadata(join(target, 'encoder.int8.onnx'));
    assert.equal(metadata?.get('alignment_heads'), '1:0,1:1');
    assert.equal(metadata?.get('non_speech_tokens'), '');
    assert.deepEqual((await runModel(target, 2))[3]!.dims, [1, 2, 1, 7]);
  });

  it('takes version 5, one decoder layer, and a projection of its own', async () => {
    const tied = await imported({ binaryVersion: 5, decoderLayers: 1 });
    const untied = await imported({ binaryVersion: 5, decoderLayers: 1, untied: true });
    const [, tiedLogits] = await runModel(tied.target, 1);
    const [, untiedLogits] = await runModel(untied.target, 1);
    assert.notDeepEqual(tiedLogits!.data, untiedLogits!.data);
  });

  it('reports progress that rises to 1', async () => {
    const source = newFolder();
    await writeMadeWhisper(source, makeWhisper());
    const seen: number[] = [];
    await importWhisper(source, newFolder(), { name: 'made', signal, onProgress: (fraction) => seen.push(fraction) });
    assert.deepEqual(
      seen,
      seen.toSorted((left, right) => left - right),
    );
    assert.equal(seen.at(-1), 1);
  });

  it('stops when it is told to, and leaves nothing behind', async () => {
    const source = newFolder();
    const target = newFolder();
    await writeMadeWhisper(source, makeWhisper());
    const abort = new AbortController();
    const options = { name: 'made', signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) };
    await assert.rejects(importWhisper(source, target, options), /enough/);
    assert.deepEqual(await namesIn(target), []);
  });

  const bad: readonly (readonly [string, MadeOptions, RegExp])[] = [
    ['another specification', { specification: 'TransformerSpec' }, /TransformerSpec/],
    ['another version', { binaryVersion: 7 }, /version 7/],
    ['another revision', { revision: 2 }, /revision 2/],
    ['a missing variable', { without: ['encoder/layer_norm/gamma'] }, /no encoder\/layer_norm\/gamma/],
    ['a missing number of heads', { without: ['decoder/num_heads'] }, /no decoder\/num_heads/],
    ['no layers', { without: ['encoder/layer_0/ffn/layer_norm/gamma'] }, /no encoder\/layer_0/],
    [
      'a wrong shape',
      { reshaped: { 'decoder/layer_1/attention/linear_1/weight': [8, 8] } },
      /linear_1\/weight .*\[8, 8\]/,
    ],
    ['a wrong rank', { reshaped: { 'encoder/conv1/weight': [8, 12] } }, /conv1\/weight .*\[8, 12\]/],
    ['an absurd size', { reshaped: { 'decoder/position_encodings/encodings': [40_000, 1] } }, /textContext/],
  ];
  for (const [what, options, message] of bad) {
    it(`refuses ${what} and says which`, async () => {
      const { message: said, code } = await refusal(options);
      assert.match(said, message);
      assert.ok(code === 'invalid_value' || code === 'unsupported_value');
    });
  }

  it('refuses values that are no finite numbers', async () => {
    const made = makeWhisper();
    const source = newFolder();
    const { bytes } = made;
    // Behind the name come a zero byte, the rank, one dimension, the type and the size.
    const head = 'encoder/conv2/bias'.length + 1 + 1 + 4 + 1 + 4;
    bytes.writeFloatLE(Number.NaN, bytes.indexOf('encoder/conv2/bias') + head + 8);
    await writeMadeWhisper(source, made);
    assert.match((await refusalOf(source)).message, /encoder\/conv2\/bias .*no finite number/);
  });

  it('refuses a folder without its files, or with others under their names', async () => {
    const source = newFolder();
    assert.match((await refusalOf(source)).message, /no model\.bin/);
    await writeMadeWhisper(source, makeWhisper(), 'txt');
    await writeFile(join(source, 'vocabulary.txt'), 'a\nb\n');
    assert.match((await refusalOf(source)).message, /no <\|endoftext\|>/);
    await rm(join(source, 'vocabulary.txt'));
    assert.match((await refusalOf(source)).message, /no vocabulary\.txt/);
    await writeFile(join(source, 'config.json'), '{"alignment_heads": 3}');
    assert.match((await refusalOf(source)).message, /config\.json.*alignment_heads/);
    await writeFile(join(source, 'model.bin'), 'PK\u0003\u0004 this is an archive');
    assert.match((await refusalOf(source)).message, /no CTranslate2 model/);
  });

  it('answers any damage with a GatewayError or a model, never with another failure', async () => {
    const source = newFolder();
    const target = newFolder();
    const made = makeWhisper({ type: 'int8', decoderLayers: 1 });
    await writeMadeWhisper(source, made);
    const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const damage = fc.record({
      cut: fc.option(place, { freq: 3 }),
      flips: fc.array(fc.record({ place, bit: fc.nat(7) }), { maxLength: 4 }),
      // Counts, shapes and types are where a wrong byte hurts most: some flips hit the first bytes and the last.
      rim: fc.option(fc.record({ place: fc.integer({ min: -200, max: 400 }), value: fc.nat(255) }), { freq: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ cut, flips, rim }) => {
        const bytes = Buffer.from(made.bytes);
        for (const flip of flips) bytes[Math.floor(flip.place * bytes.length)]! ^= 1 << flip.bit;
        if (rim) bytes[(rim.place + bytes.length) % bytes.length] = rim.value;
        await writeFile(join(source, 'model.bin'), cut === null ? bytes : bytes.subarray(0, cut * bytes.length));
        try {
          const { files } = await importWhisper(source, target, { name: 'made', signal });
          assert.equal(files.length, 3);
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError, String(thrown));
        }
      }),
      { numRuns: 300 },
    );
  });
});
