import { basename } from 'node:path';
import { brokenModel } from './broken-model.ts';
import {
  findSenseVoiceFiles,
  findTransducerFiles,
  type SenseVoiceFiles,
  type SherpaLoader,
  type TransducerFiles,
} from './find-model-files.ts';
import { senseVoiceLanguages, transducerLanguages } from './model-languages.ts';
import { CheckedFile, FLOAT, INT32, INT64 } from './outline-checks.ts';
import { Vocabulary } from './vocabulary.ts';

/**
 * Model folders that sherpa-onnx can be given. It reads metadata, shapes and vocabulary while it loads and decodes, and
 * ends the process where one is not what it expects; the checks here are its own, of sherpa-onnx 1.13 (`csrc/
 * offline-sense-voice-model.cc`, `offline-transducer-nemo-model.cc`, `online-zipformer*-transducer-model.cc` and the
 * recognisers around them), made before. What they cannot see is damage inside the weights.
 */
export type CheckedModel = SenseVoiceFolder | NemoFolder | ZipformerFolder;

interface CommonFolder {
  readonly vocabulary: Vocabulary;
  /** ISO-639-1 (`yue` for Cantonese); empty: cannot be told. */
  readonly languages: readonly string[];
}

export interface SenseVoiceFolder extends CommonFolder {
  readonly loader: 'sherpa-sense-voice';
  readonly files: SenseVoiceFiles;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface NemoFolder extends CommonFolder {
  readonly loader: 'sherpa-nemo-transducer';
  readonly files: TransducerFiles;
}

export interface ZipformerFolder extends CommonFolder {
  readonly loader: 'sherpa-zipformer-streaming';
  readonly files: TransducerFiles;
  readonly modelType: 'zipformer' | 'zipformer2';
  /** Frames of 10 ms that must be there before the next chunk is decoded. */
  readonly chunkFrames: number;
}

/** Values in one frame of the sound features that sherpa-onnx computes unless the model says otherwise. */
export const FEATURE_VALUES = 80;
/** What sherpa-onnx computes for GigaAM, whatever its metadata says. */
const GIGA_AM_FEATURES = 64;
/** Larger ones would only be typing mistakes; they size what is allocated. */
const MAX_CHUNK_FRAMES = 3_000;
const MAX_FEATURES = 1_024;

/** Finds the files of a model and checks them. Throws GatewayError that names the file at fault. */
export function checkModel(folder: string, loader: SherpaLoader): Promise<CheckedModel> {
  if (loader === 'sherpa-sense-voice') return checkSenseVoice(folder);
  return loader === 'sherpa-nemo-transducer' ? checkNemo(folder) : checkZipformer(folder);
}

async function checkSenseVoice(folder: string): Promise<SenseVoiceFolder> {
  const files = await findSenseVoiceFiles(folder);
  const model = await CheckedFile.open(files.model);
  if (model.text('model_type') !== 'sense_voice_ctc' || model.text('comment').includes('Nano')) {
    model.fail('is no SenseVoice-small');
  }
  const size = model.int('vocab_size', 1);
  const width = FEATURE_VALUES * model.int('lfr_window_size', 1);
  model.int('lfr_window_shift', 1);
  const keys = ['normalize_samples', 'with_itn', 'without_itn', 'lang_auto'];
  for (const key of [...keys, ...senseVoiceLanguages.map((language) => `lang_${language}`)]) model.int(key);
  model.floats('neg_mean', width);
  model.floats('inv_stddev', width);
  if (model.optionalInt('blank_id', 0) >= size) model.fail("has no usable 'blank_id' in its metadata");
  const [sound] = model.inputs([
    [FLOAT, 3],
    [INT32, 1],
    [INT32, 1],
    [INT32, 1],
  ]);
  model.width(sound, width);
  const [logits] = model.outputs([[FLOAT, 3]]);
  model.width(logits, size);
  const vocabulary = await Vocabulary.read(files.tokens);
  requireTokens(vocabulary, files, size);
  return {
    loader: 'sherpa-sense-voice',
    files,
    vocabulary,
    languages: senseVoiceLanguages,
    metadata: model.metadata,
  };
}

async function checkNemo(folder: string): Promise<NemoFolder> {
  const files = await findTransducerFiles(folder, 'int8');
  const encoder: CheckedFile = await CheckedFile.open(files.encoder);
  if (!/^EncDec(HybridRNNTCTC|RNNT)BPEModel$/.test(encoder.text('model_type'))) {
    encoder.fail('is no encoder of a NeMo transducer');
  }
  // Blank is not counted.
  const size = encoder.int('vocab_size', 1) + 1;
  encoder.int('subsampling_factor', 1);
  const layers = encoder.int('pred_rnn_layers', 1);
  const hidden = encoder.int('pred_hidden', 1);
  const given = encoder.optionalInt('feat_dim', FEATURE_VALUES);
  if (given < 1 || given > MAX_FEATURES) encoder.fail("has no usable 'feat_dim' in its metadata");
  const features = encoder.optionalInt('is_giga_am', 0) > 0 ? GIGA_AM_FEATURES : given;
  if (!['', 'NA', 'per_feature'].includes(encoder.text('normalize_type'))) {
    encoder.fail("has a 'normalize_type' in its metadata that sherpa-onnx does not know");
  }
  const [sound] = encoder.inputs([
    [FLOAT, 3],
    [INT64, 1],
  ]);
  const bands = sound?.dims[1] ?? null;
  if (bands !== null && bands !== features) encoder.fail(`is made for ${bands} features where ${features} come`);
  encoder.outputs([
    [FLOAT, 3],
    [[INT32, INT64], 1],
  ]);

  const decoder = await CheckedFile.open(files.decoder);
  const states = decoder
    .inputs([
      [INT32, 2],
      [INT32, 1],
      [FLOAT, 3],
      [FLOAT, 3],
    ])
    .slice(2);
  for (const state of states) {
    const count = state.dims[0] ?? null;
    if (count !== null && count !== layers) decoder.fail(`has ${count} layers where ${layers} are wanted`);
    decoder.width(state, hidden);
  }
  if (decoder.outputCount() < 4) decoder.fail('has other outputs than this kind of model');

  const joiner = await CheckedFile.open(files.joiner);
  joiner.inputs([
    [FLOAT, 3],
    [FLOAT, 3],
  ]);
  const [logits] = joiner.outputs([[FLOAT, 4]]);
  const width = logits?.dims.at(-1) ?? null;
  const lasting = encoder.text('url').includes('tdt');
  if (lasting ? width !== null && width <= size : width !== size) {
    joiner.fail(`gives ${width ?? 'an unknown number of'} values, which does not fit a vocabulary of ${size}`);
  }
  const vocabulary = await Vocabulary.read(files.tokens);
  requireTokens(vocabulary, files, size);
  if (vocabulary.size !== size || vocabulary.symbols.get(size - 1) !== '<blk>') {
    throw brokenModel(basename(files.tokens), `must have ${size} tokens, <blk> as the last`);
  }
  const languages = transducerLanguages(encoder.metadata, vocabulary);
  return { loader: 'sherpa-nemo-transducer', files, vocabulary, languages };
}

async function checkZipformer(folder: string): Promise<ZipformerFolder> {
  const files = await findTransducerFiles(folder, 'plain');
  const encoder: CheckedFile = await CheckedFile.open(files.encoder);
  const modelType = encoder.text('model_type');
  if (modelType !== 'zipformer' && modelType !== 'zipformer2') encoder.fail('is no encoder of a Zipformer');
  if (encoder.text('decode_chunk_len') === '')
    encoder.fail('is no streaming Zipformer: it takes whole recordings only');
  if (encoder.text('feature') === 'whisper') encoder.fail('wants other sound features than are computed here');
  const chunkFrames = encoder.int('T', 1);
  const shift = encoder.int('decode_chunk_len', 1);
  if (chunkFrames > MAX_CHUNK_FRAMES || shift > chunkFrames) encoder.fail("has no usable 'T' in its metadata");
  const layers = encoder.ints('num_encoder_layers');
  const perStack = ['encoder_dims', 'cnn_module_kernels', 'left_context_len'].concat(
    modelType === 'zipformer' ? ['attention_dims'] : ['query_head_dims', 'value_head_dims', 'num_heads'],
  );
  for (const key of perStack) {
    if (encoder.ints(key).length !== layers.length) encoder.fail(`has no usable '${key}' in its metadata`);
  }
  // The sound, and what is carried from chunk to chunk: 7 a stack, or 6 a layer with 2 for all.
  const states = modelType === 'zipformer' ? 7 * layers.length : 6 * layers.reduce((sum, one) => sum + one, 0) + 2;
  if (encoder.inputCount() !== 1 + states || encoder.outputCount() !== 1 + states) {
    encoder.fail('has other inputs or outputs than its metadata says');
  }

  const decoder = await CheckedFile.open(files.decoder);
  const size = decoder.int('vocab_size', 1);
  const context = decoder.int('context_size', 1);
  const [before] = decoder.inputs([[INT64, 2]]);
  decoder.width(before, context);
  if (decoder.outputCount() !== 1) decoder.fail('has other outputs than this kind of model');

  const joiner = await CheckedFile.open(files.joiner);
  joiner.inputs([
    [FLOAT, 2],
    [FLOAT, 2],
  ]);
  const [logits] = joiner.outputs([[FLOAT, 2]]);
  joiner.width(logits, size);
  const vocabulary = await Vocabulary.read(files.tokens);
  requireTokens(vocabulary, files, size);
  const languages = transducerLanguages(encoder.metadata, vocabulary);
  return { loader: 'sherpa-zipformer-streaming', files, vocabulary, languages, modelType, chunkFrames };
}

/** A number without a token would end the process when it is heard. */
function requireTokens(vocabulary: Vocabulary, files: { readonly tokens: string }, size: number): void {
  if (!vocabulary.covers(size)) throw brokenModel(basename(files.tokens), `lacks some of the model's ${size} tokens`);
}
