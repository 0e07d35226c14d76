import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import onnxProto, { type onnx } from 'onnx-proto';
import { FLOAT, INT64, int64Constant, node, type OnnxNode, tensorInfo } from '../../src/engine/onnx/graph-edit.ts';

/**
 * Tiny models with the inputs, outputs, shapes and metadata that sherpa-onnx wants of SenseVoice, of NeMo's transducers and
 * of streaming Zipformers, which "hear" a fixed schedule of tokens: frame by frame, one row of a constant says what comes
 * out. Loading, features, decoding, timestamps and states run through the real library; only the hearing is made up.
 */

const INT32 = onnxProto.onnx.TensorProto.DataType.INT32;

/** Frames of 60 ms that the made-up SenseVoice knows: 30 s. */
const SENSE_ROWS = 600;
/** Frames of 80 ms that the made-up Parakeet knows. */
const NEMO_ROWS = 500;
/** Frames of 40 ms that the made-up Zipformer knows. */
const ZIPFORMER_ROWS = 1_000;

/** Which token comes out at which frame. */
export interface Scheduled {
  readonly frame: number;
  readonly token: string;
  /** Natural-log odds over all others together count on it; 20 when left out. */
  readonly logit?: number;
  /** TDT: frames that the token lasts, 1 to 4; 1 when left out. */
  readonly frames?: number;
}

export type Metadata = Readonly<Record<string, string | number | null>>;

export const senseTokens = [
  '<unk>',
  '<s>',
  '</s>',
  '<|en|>',
  '<|zh|>',
  '<|yue|>',
  '<|nospeech|>',
  '<|NEUTRAL|>',
  '<|HAPPY|>',
  '<|Speech|>',
  '<|withitn|>',
  '<|woitn|>',
  '▁Good',
  '▁good',
  '▁morn',
  'ing',
  '.',
  '你',
  '好',
  '，',
  '▁',
] as const;

export function senseMetadata(): Metadata {
  const width = 560;
  return {
    lfr_window_size: 7,
    lfr_window_shift: 6,
    normalize_samples: 0,
    neg_mean: Array(width).fill('0').join(','),
    inv_stddev: Array(width).fill('1').join(','),
    model_type: 'sense_voice_ctc',
    version: 2,
    vocab_size: senseTokens.length,
    comment: 'iic/SenseVoiceSmall',
    lang_auto: 0,
    lang_zh: 3,
    lang_en: 4,
    lang_yue: 7,
    lang_ja: 11,
    lang_ko: 12,
    with_itn: 14,
    without_itn: 15,
  };
}

/**
 * A SenseVoice that writes `text` (blank elsewhere). It finds `heard` when no language is asked for, else the language that
 * it was told. At frame 0 it writes "▁Good" with inverse text normalisation, "▁good" without.
 */
export function senseVoice(
  text: readonly Scheduled[],
  heard: string,
  metadata: Metadata = senseMetadata(),
): Uint8Array {
  const idOf = ids(senseTokens);
  const width = senseTokens.length;
  const languages = Array.from({ length: 16 }, () => oneHot(width, idOf(`<|${heard}|>`)));
  languages[3] = oneHot(width, idOf('<|zh|>'));
  languages[4] = oneHot(width, idOf('<|en|>'));
  const norms = Array.from({ length: 16 }, (_, id) => oneHot(width, idOf(id === 14 ? '<|withitn|>' : '<|woitn|>')));
  const firsts = Array.from({ length: 16 }, (_, id) => oneHot(width, idOf(id === 14 ? '▁Good' : '▁good')));
  const rows = schedule(text, SENSE_ROWS, width, 0, idOf);
  return model(
    [
      node('Gather', ['languages', 'language'], ['language_row']),
      node('Gather', ['norms', 'text_norm'], ['norm_row']),
      node('Gather', ['firsts', 'text_norm'], ['first_row']),
      node('Shape', ['x'], ['shape']),
      node('Slice', ['shape', 'one', 'two', 'zero'], ['frames']),
      node('Slice', ['rows', 'one', 'frames', 'zero'], ['text_rows']),
      node('Concat', ['language_row', 'tag_rows', 'norm_row', 'first_row', 'text_rows'], ['all'], { axis: 0 }),
      node('Unsqueeze', ['all', 'zero'], ['logits']),
    ],
    [
      tensorInfo('x', FLOAT, ['N', 'T', 560]),
      tensorInfo('x_length', INT32, ['N']),
      tensorInfo('language', INT32, ['N']),
      tensorInfo('text_norm', INT32, ['N']),
    ],
    [tensorInfo('logits', FLOAT, ['N', 'T', width])],
    [
      floats('languages', [16, width], languages.flat()),
      floats('norms', [16, width], norms.flat()),
      floats('firsts', [16, width], firsts.flat()),
      floats('tag_rows', [2, width], [...oneHot(width, idOf('<|HAPPY|>')), ...oneHot(width, idOf('<|Speech|>'))]),
      floats('rows', [SENSE_ROWS, width], rows),
      int64Constant('zero', [0]),
      int64Constant('one', [1]),
      int64Constant('two', [2]),
    ],
    metadata,
  );
}

export const nemoTokens = ['<unk>', '▁Guten', '▁Mor', 'gen', '.', '▁wie', '▁geht', "'", 's', '?', '<blk>'] as const;

const NEMO_HIDDEN = 4;
/** Durations 0 to 4. */
const NEMO_DURATIONS = 5;

export function nemoMetadata(): Metadata {
  return {
    vocab_size: nemoTokens.length - 1,
    normalize_type: 'per_feature',
    pred_rnn_layers: 2,
    pred_hidden: NEMO_HIDDEN,
    subsampling_factor: 8,
    model_type: 'EncDecRNNTBPEModel',
    version: 2,
    model_author: 'NeMo',
    url: 'https://huggingface.co/nvidia/parakeet-tdt-0.6b-v3',
    feat_dim: 128,
  };
}

export function nemoEncoder(text: readonly Scheduled[], metadata: Metadata = nemoMetadata()): Uint8Array {
  const width = nemoTokens.length + NEMO_DURATIONS;
  const idOf = ids(nemoTokens);
  const rows = schedule(text, NEMO_ROWS, width, nemoTokens.length - 1, idOf);
  for (let frame = 0; frame < NEMO_ROWS; frame++) {
    const frames = text.find((one) => one.frame === frame)?.frames ?? 1;
    rows[frame * width + nemoTokens.length + frames] = 20;
  }
  return model(
    [
      node('Add', ['length', 'seven'], ['raised']),
      node('Div', ['raised', 'eight'], ['encoded_lengths']),
      node('Slice', ['rows', 'zero', 'encoded_lengths', 'zero'], ['heard']),
      node('Transpose', ['heard'], ['turned']),
      node('Unsqueeze', ['turned', 'zero'], ['outputs']),
    ],
    [tensorInfo('audio_signal', FLOAT, ['N', 128, 'T']), tensorInfo('length', INT64, ['N'])],
    [tensorInfo('outputs', FLOAT, ['N', width, 'T2']), tensorInfo('encoded_lengths', INT64, ['N'])],
    [
      floats('rows', [NEMO_ROWS, width], rows),
      int64Constant('zero', [0]),
      int64Constant('seven', [7]),
      int64Constant('eight', [8]),
    ],
    metadata,
  );
}

export function nemoDecoder(): Uint8Array {
  const state = (name: string) => tensorInfo(name, FLOAT, [2, 'N', NEMO_HIDDEN]);
  return model(
    [
      node('Identity', ['hidden'], ['outputs']),
      node('Identity', ['target_length'], ['prednet_lengths']),
      node('Identity', ['states.1'], ['162']),
      node('Identity', ['onnx::Slice_3'], ['163']),
    ],
    [
      tensorInfo('targets', INT32, ['N', 'U']),
      tensorInfo('target_length', INT32, ['N']),
      state('states.1'),
      state('onnx::Slice_3'),
    ],
    [
      tensorInfo('outputs', FLOAT, ['N', NEMO_HIDDEN, 'U']),
      tensorInfo('prednet_lengths', INT32, ['N']),
      state('162'),
      state('163'),
    ],
    [floats('hidden', [1, NEMO_HIDDEN, 1], Array(NEMO_HIDDEN).fill(0))],
    {},
  );
}

export function nemoJoiner(): Uint8Array {
  const width = nemoTokens.length + NEMO_DURATIONS;
  return model(
    [
      node('ReduceSum', ['decoder_outputs'], ['nothing'], { keepdims: 0 }),
      node('Add', ['encoder_outputs', 'nothing'], ['sum']),
      node('Reshape', ['sum', 'shape'], ['outputs']),
    ],
    [
      tensorInfo('encoder_outputs', FLOAT, ['N', width, 'T']),
      tensorInfo('decoder_outputs', FLOAT, ['N', NEMO_HIDDEN, 'U']),
    ],
    [tensorInfo('outputs', FLOAT, ['N', 'T', 'U', width])],
    [int64Constant('shape', [1, 1, 1, width])],
    {},
  );
}

export const zipformerTokens = ['<blk>', '<sos/eos>', '<unk>', '▁GO', 'OD', '▁MORN', 'ING', "▁IT'", 'S'] as const;

/** Frames of 10 ms that one chunk looks at, and by which it moves on. */
const CHUNK_FRAMES = 45;
const CHUNK_SHIFT = 32;
/** Frames of 40 ms that come out of one chunk. */
const CHUNK_ROWS = 8;

export function zipformerMetadata(): Metadata {
  return {
    model_type: 'zipformer2',
    version: 1,
    model_author: 'k2-fsa',
    comment: 'streaming zipformer2',
    decode_chunk_len: CHUNK_SHIFT,
    T: CHUNK_FRAMES,
    num_encoder_layers: '1',
    encoder_dims: '8',
    cnn_module_kernels: '3',
    left_context_len: '4',
    query_head_dims: '4',
    value_head_dims: '4',
    num_heads: '1',
  };
}

/** Where it stands in its schedule is what it carries from chunk to chunk: lost states would show. */
export function zipformerEncoder(text: readonly Scheduled[], metadata: Metadata = zipformerMetadata()): Uint8Array {
  const width = zipformerTokens.length;
  const states: readonly (readonly [string, number, readonly (number | string)[]])[] = [
    ['cached_key_0', FLOAT, [4, 'N', 4]],
    ['cached_nonlin_attn_0', FLOAT, [1, 'N', 4, 6]],
    ['cached_val1_0', FLOAT, [4, 'N', 4]],
    ['cached_val2_0', FLOAT, [4, 'N', 4]],
    ['cached_conv1_0', FLOAT, ['N', 8, 1]],
    ['cached_conv2_0', FLOAT, ['N', 8, 1]],
    ['embed_states', FLOAT, ['N', 128, 3, 19]],
    ['processed_lens', INT64, ['N']],
  ];
  const kept = states.slice(0, -1).map(([name]) => node('Identity', [name], [`new_${name}`]));
  return model(
    [
      ...kept,
      node('Add', ['processed_lens', 'step'], ['new_processed_lens']),
      node('Slice', ['rows', 'processed_lens', 'new_processed_lens', 'zero'], ['heard']),
      node('Unsqueeze', ['heard', 'zero'], ['encoder_out']),
    ],
    [
      tensorInfo('x', FLOAT, ['N', CHUNK_FRAMES, 80]),
      ...states.map(([name, type, shape]) => tensorInfo(name, type, shape)),
    ],
    [
      tensorInfo('encoder_out', FLOAT, ['N', CHUNK_ROWS, width]),
      ...states.map(([name, type, shape]) => tensorInfo(`new_${name}`, type, shape)),
    ],
    [
      floats('rows', [ZIPFORMER_ROWS, width], schedule(text, ZIPFORMER_ROWS, width, 0, ids(zipformerTokens))),
      int64Constant('zero', [0]),
      int64Constant('step', [CHUNK_ROWS]),
    ],
    metadata,
  );
}

export function zipformerDecoder(): Uint8Array {
  const width = zipformerTokens.length;
  return model(
    [node('Identity', ['hidden'], ['decoder_out'])],
    [tensorInfo('y', INT64, ['N', 2])],
    [tensorInfo('decoder_out', FLOAT, ['N', width])],
    [floats('hidden', [1, width], Array(width).fill(0))],
    { vocab_size: width, context_size: 2 },
  );
}

export function zipformerJoiner(): Uint8Array {
  const width = zipformerTokens.length;
  return model(
    [node('Add', ['encoder_out', 'decoder_out'], ['logit'])],
    [tensorInfo('encoder_out', FLOAT, ['N', width]), tensorInfo('decoder_out', FLOAT, ['N', width])],
    [tensorInfo('logit', FLOAT, ['N', width])],
    [],
    { joiner_dim: width },
  );
}

/** The same model with its largest weight in a file beside it, as exports over 2 GB have it. */
export function withWeightsBeside(bytes: Uint8Array, location: string): { model: Uint8Array; weights: Uint8Array } {
  const proto = onnxProto.onnx.ModelProto.decode(bytes);
  const [largest] = [...(proto.graph?.initializer ?? [])].sort(
    (left, right) => (right.floatData?.length ?? 0) - (left.floatData?.length ?? 0),
  );
  if (!largest) throw new RangeError('the model has no weights');
  const weights = Buffer.from(Float32Array.from(largest.floatData ?? []).buffer);
  largest.floatData = [];
  largest.dataLocation = onnxProto.onnx.TensorProto.DataLocation.EXTERNAL;
  largest.externalData = [
    { key: 'location', value: location },
    { key: 'offset', value: '0' },
    { key: 'length', value: String(weights.length) },
  ];
  return { model: onnxProto.onnx.ModelProto.encode(proto).finish(), weights };
}

/** `tokens.txt` as sherpa-onnx's exports write it. */
export function tokensFile(tokens: readonly string[]): string {
  return tokens.map((token, id) => `${token} ${id}\n`).join('');
}

export function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

function ids(tokens: readonly string[]): (token: string) => number {
  return (token) => {
    const id = tokens.indexOf(token);
    if (id < 0) throw new RangeError(`the made-up model has no token ${token}`);
    return id;
  };
}

function oneHot(width: number, at: number, value = 20): number[] {
  return Array.from({ length: width }, (_, index) => (index === at ? value : 0));
}

function schedule(
  text: readonly Scheduled[],
  rows: number,
  width: number,
  blank: number,
  idOf: (token: string) => number,
): number[] {
  return Array.from({ length: rows }, (_, frame) => {
    const now = text.find((one) => one.frame === frame);
    return oneHot(width, now ? idOf(now.token) : blank, now?.logit);
  }).flat();
}

function floats(name: string, dims: readonly number[], values: readonly number[]): onnx.ITensorProto {
  return { name, dataType: FLOAT, dims: [...dims], floatData: [...values] };
}

function model(
  nodes: readonly OnnxNode[],
  input: readonly onnx.IValueInfoProto[],
  output: readonly onnx.IValueInfoProto[],
  initializer: readonly onnx.ITensorProto[],
  metadata: Metadata,
): Uint8Array {
  return onnxProto.onnx.ModelProto.encode({
    irVersion: 7,
    opsetImport: [{ version: 13 }],
    graph: { name: 'made-up', node: [...nodes], input: [...input], output: [...output], initializer: [...initializer] },
    metadataProps: Object.entries(metadata).flatMap(([key, value]) =>
      value === null ? [] : [{ key, value: String(value) }],
    ),
  }).finish();
}
