import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SherpaLoader } from '../../src/engine/sherpa/find-model-files.ts';
import {
  nemoDecoder,
  nemoEncoder,
  nemoJoiner,
  nemoMetadata,
  nemoTokens,
  senseMetadata,
  senseTokens,
  senseVoice,
  tokensFile,
  withWeightsBeside,
  writeFolder,
  zipformerDecoder,
  zipformerEncoder,
  zipformerJoiner,
  zipformerMetadata,
  zipformerTokens,
} from './sherpa-toy-models.ts';

const CHILD = fileURLToPath(new URL('./sherpa-open-child.ts', import.meta.url));

type Files = Readonly<Record<string, Uint8Array | string>>;
interface Case {
  readonly loader: SherpaLoader;
  readonly what: string;
  /** What is other than in a whole folder; null: not there. */
  readonly files: Readonly<Record<string, Uint8Array | string | null>>;
  readonly says: RegExp;
}

const whole: Readonly<Record<SherpaLoader, Files>> = {
  'sherpa-sense-voice': { 'model.int8.onnx': senseVoice([], 'en'), 'tokens.txt': tokensFile(senseTokens) },
  'sherpa-nemo-transducer': {
    'encoder.int8.onnx': nemoEncoder([]),
    'decoder.int8.onnx': nemoDecoder(),
    'joiner.int8.onnx': nemoJoiner(),
    'tokens.txt': tokensFile(nemoTokens),
  },
  'sherpa-zipformer-streaming': {
    'encoder.onnx': zipformerEncoder([]),
    'decoder.onnx': zipformerDecoder(),
    'joiner.onnx': zipformerJoiner(),
    'tokens.txt': tokensFile(zipformerTokens),
  },
};

const sense = (what: string, files: Case['files'], says: RegExp): Case => ({
  loader: 'sherpa-sense-voice',
  what,
  files,
  says,
});
const nemo = (what: string, files: Case['files'], says: RegExp): Case => ({
  loader: 'sherpa-nemo-transducer',
  what,
  files,
  says,
});
const zipformer = (what: string, files: Case['files'], says: RegExp): Case => ({
  loader: 'sherpa-zipformer-streaming',
  what,
  files,
  says,
});

const senseWith = (metadata: Readonly<Record<string, string | number | null>>) => ({
  'model.int8.onnx': senseVoice([], 'en', { ...senseMetadata(), ...metadata }),
});
const nemoWith = (metadata: Readonly<Record<string, string | number | null>>) => ({
  'encoder.int8.onnx': nemoEncoder([], { ...nemoMetadata(), ...metadata }),
});
const zipformerWith = (metadata: Readonly<Record<string, string | number | null>>) => ({
  'encoder.onnx': zipformerEncoder([], { ...zipformerMetadata(), ...metadata }),
});
const cut = (bytes: Uint8Array, share: number) => bytes.slice(0, Math.floor(bytes.length * share));
const weights = withWeightsBeside(nemoEncoder([]), 'encoder.weights');

const cases: readonly Case[] = [
  sense('no model file', { 'model.int8.onnx': null }, /has no model\.int8\.onnx/),
  sense('no tokens', { 'tokens.txt': null }, /has no tokens\.txt/),
  sense('an empty model file', { 'model.int8.onnx': '' }, /model\.int8\.onnx is no ONNX model/),
  sense('a web page for a model', { 'model.int8.onnx': '<!doctype html><html>404</html>' }, /no ONNX model/),
  sense('half a model', { 'model.int8.onnx': cut(senseVoice([], 'en'), 0.5) }, /cut off/),
  sense('all but the last bytes', { 'model.int8.onnx': senseVoice([], 'en').slice(0, -3) }, /cut off/),
  sense('another model', { 'model.int8.onnx': nemoEncoder([]) }, /is no SenseVoice/),
  sense('no metadata', { 'model.int8.onnx': senseVoice([], 'en', {}) }, /is no SenseVoice/),
  sense('a lacking number', senseWith({ with_itn: null }), /no usable 'with_itn'/),
  sense('a number that is none', senseWith({ lfr_window_size: 'seven' }), /no usable 'lfr_window_size'/),
  sense('too few means', senseWith({ neg_mean: '1,2,3' }), /no usable 'neg_mean'/),
  sense(
    'other features',
    senseWith({ lfr_window_size: 5, neg_mean: zeros(400), inv_stddev: zeros(400) }),
    /560 values/,
  ),
  sense('too few tokens', { 'tokens.txt': tokensFile(senseTokens.slice(0, 9)) }, /lacks some/),
  sense('tokens of two words', { 'tokens.txt': 'good morning 0\n' }, /no token and number in line 1/),
  sense('tokens that are no text', { 'tokens.txt': Uint8Array.of(0xff, 0xfe, 0x41) }, /not UTF-8/),
  sense('tokens spelt in bytes', { 'tokens.txt': `${tokensFile(senseTokens.slice(0, 3))}ƋƍĩƄ 3\n` }, /byte-level/),
  nemo(
    'swapped encoder and joiner',
    { 'encoder.int8.onnx': nemoJoiner(), 'joiner.int8.onnx': nemoEncoder([]) },
    /no encoder/,
  ),
  nemo(
    'swapped decoder and joiner',
    { 'decoder.int8.onnx': nemoJoiner(), 'joiner.int8.onnx': nemoDecoder() },
    /other inputs/,
  ),
  nemo('no joiner', { 'joiner.int8.onnx': null }, /no encoder, decoder and joiner/),
  nemo('half a decoder', { 'decoder.int8.onnx': cut(nemoDecoder(), 0.5) }, /cut off/),
  nemo('half an encoder', { 'encoder.int8.onnx': cut(nemoEncoder([]), 0.5) }, /cut off/),
  nemo('a normalisation nobody knows', nemoWith({ normalize_type: 'all' }), /normalize_type/),
  nemo('other layers', nemoWith({ pred_rnn_layers: 3 }), /2 layers where 3/),
  nemo('other features', nemoWith({ feat_dim: 80 }), /128 features where 80/),
  nemo('no durations', nemoWith({ url: 'https://example.org/rnnt' }), /does not fit a vocabulary of 11/),
  nemo('the tokens of another model', { 'tokens.txt': tokensFile(senseTokens) }, /must have 11 tokens, <blk>/),
  nemo('no weights beside it', { 'encoder.int8.onnx': weights.model }, /weights in encoder\.weights/),
  nemo(
    'half the weights beside it',
    { 'encoder.int8.onnx': weights.model, 'encoder.weights': cut(weights.weights, 0.5) },
    /encoder\.weights is cut off/,
  ),
  nemo(
    'weights outside the folder',
    { 'encoder.int8.onnx': withWeightsBeside(nemoEncoder([]), '../../weights').model },
    /outside its folder/,
  ),
  zipformer('a model for whole recordings', zipformerWith({ decode_chunk_len: null }), /no streaming Zipformer/),
  zipformer('another kind', zipformerWith({ model_type: 'lstm' }), /no encoder of a Zipformer/),
  zipformer('more layers than states', zipformerWith({ num_encoder_layers: '2' }), /other inputs or outputs/),
  zipformer('lists of other lengths', zipformerWith({ num_heads: '1,1' }), /no usable 'num_heads'/),
  zipformer('no vocabulary size', { 'decoder.onnx': zipformerJoiner() }, /no usable 'vocab_size'/),
  zipformer(
    'swapped decoder and joiner',
    { 'decoder.onnx': zipformerJoiner(), 'joiner.onnx': zipformerDecoder() },
    /vocab_size/,
  ),
  zipformer('a joiner of another model', { 'joiner.onnx': nemoJoiner() }, /other inputs/),
  zipformer('too few tokens', { 'tokens.txt': tokensFile(zipformerTokens.slice(0, 5)) }, /lacks some/),
];

function zeros(count: number): string {
  return Array(count).fill('0').join(',');
}

describe('broken model folders', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(os.tmpdir(), 'fluxscribe-broken-'));
  });
  after(() => rmSync(root, { recursive: true }));

  async function child(words: readonly string[]): Promise<{ code: number | null; lines: readonly string[] }> {
    const opener = spawn(process.execPath, [CHILD, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
    const closed = new Promise<number | null>((resolve) => opener.on('close', resolve));
    const output = await text(opener.stdout);
    return { code: await closed, lines: output.split('\n').filter((line) => line !== '') };
  }

  function folderOf(name: string, loader: SherpaLoader, files: Case['files']): string {
    const folder = join(root, name);
    mkdirSync(folder);
    const left = Object.entries({ ...whole[loader], ...files }).flatMap(([file, content]) =>
      content === null ? [] : [[file, content] as const],
    );
    return writeFolder(folder, Object.fromEntries(left));
  }

  it('are refused with the file at fault, before sherpa-onnx can end the process', async () => {
    const words = cases.map((one, index) => `${one.loader}=${folderOf(String(index), one.loader, one.files)}`);
    const { code, lines } = await child(words);
    assert.equal(code, 0);
    assert.equal(lines.length, cases.length);
    for (const [index, { what, says }] of cases.entries()) {
      assert.match(lines[index]!, /^no_model_installed: /, what);
      assert.match(lines[index]!, says, what);
    }
  });

  it('are told from whole ones, also with weights in a file beside the model', async () => {
    const beside = { 'encoder.int8.onnx': weights.model, 'encoder.weights': weights.weights };
    const { code, lines } = await child([
      `sherpa-sense-voice=${folderOf('sense', 'sherpa-sense-voice', {})}`,
      `sherpa-nemo-transducer=${folderOf('nemo', 'sherpa-nemo-transducer', {})}`,
      `sherpa-nemo-transducer=${folderOf('beside', 'sherpa-nemo-transducer', beside)}`,
      `sherpa-zipformer-streaming=${folderOf('zipformer', 'sherpa-zipformer-streaming', {})}`,
    ]);
    assert.deepEqual([code, lines], [0, Array(4).fill('opened')]);
  });

  it('end the process when sherpa-onnx is given them unchecked', async () => {
    const swapped = { 'encoder.int8.onnx': nemoJoiner(), 'joiner.int8.onnx': nemoEncoder([]) };
    const { code, lines } = await child([`unchecked=${folderOf('swapped', 'sherpa-nemo-transducer', swapped)}`]);
    assert.notEqual(code, 0);
    assert.deepEqual(lines, []);
  });
});
