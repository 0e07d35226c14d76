import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredType } from '../../src/models/ctranslate2/ctranslate2-file.ts';

/** A CTranslate2 Whisper model with made-up weights, a few kilobytes large: it loads and runs, and understands nothing. */
export interface MadeWhisper {
  readonly bytes: Buffer;
  /** What each variable holds after it was stored as its type, by name. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly vocabulary: readonly string[];
}

export interface MadeOptions {
  /** How weights are stored; whole numbers come with scales, and everything else is float32 then. */
  readonly type?: StoredType;
  readonly binaryVersion?: number;
  readonly revision?: number;
  readonly specification?: string;
  readonly decoderLayers?: number;
  /** The projection as a variable of its own instead of an alias of the embedding. */
  readonly untied?: boolean;
  /** Names of variables that are left out. */
  readonly without?: readonly string[];
  /** Shapes of variables that differ from Whisper's. */
  readonly reshaped?: Readonly<Record<string, readonly number[]>>;
}

export const madeDims = { mels: 4, audioContext: 10, textContext: 12, state: 8, heads: 2, inner: 16 } as const;

/** `Ġ` is GPT-2's spelling of a space; `Ń` of a byte that is no character. */
export const madeVocabulary: readonly string[] = [
  ...['!', 'a', 'b', 'Ġ', 'Ġthe', 'é', 'Ń', '漢'],
  ...['<|endoftext|>', '<|startoftranscript|>', '<|en|>', '<|sv|>', '<|haw|>', '<|translate|>', '<|transcribe|>'],
  ...['<|startoflm|>', '<|startofprev|>', '<|nocaptions|>', '<|notimestamps|>', '<|0.00|>', '<|0.02|>'],
];

/** The numbers of CTranslate2's `DataType`. */
const typeNumbers: Readonly<Record<StoredType, number>> = {
  float32: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  float16: 4,
  bfloat16: 5,
};

interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: StoredType;
  readonly bytes: Buffer;
}

/** Makes the model; equal options make equal bytes. */
export function makeWhisper(options: MadeOptions = {}): MadeWhisper {
  const { type = 'float32', binaryVersion = 6, revision = 3, specification = 'WhisperSpec' } = options;
  const values = new Map<string, Float32Array>();
  const variables: Variable[] = [];
  for (const [name, usual] of shapes(options)) {
    if (options.without?.includes(name)) continue;
    const shape = options.reshaped?.[name] ?? usual;
    const made = madeValues(name, shape);
    const stored = name.endsWith('/weight') ? type : type.includes('float') ? type : 'float32';
    variables.push(...store(name, shape, stored, made, values));
  }
  for (const [name, value, stored] of scalars) {
    if (options.without?.includes(name)) continue;
    variables.push({ name, shape: [], type: stored, bytes: whole(stored, [value]) });
  }
  const aliases = options.untied ? [] : [['decoder/projection/weight', 'decoder/embeddings/weight']];
  const bytes = Buffer.concat([
    uint32(binaryVersion),
    text(specification),
    uint32(revision),
    uint32(variables.length),
    ...variables.flatMap(encodeVariable),
    uint32(aliases.length),
    ...aliases.flat().map(text),
  ]);
  return { bytes, values, vocabulary: madeVocabulary };
}

/** Writes the model with its two other files, the vocabulary as `json` (newer folders) or `txt`. */
export async function writeMadeWhisper(
  folder: string,
  made: MadeWhisper,
  vocabularyAs: 'json' | 'txt' = 'json',
  config: object = { alignment_heads: [[0, 1]], suppress_ids: [0, 2, 9], lang_ids: [10, 11, 12] },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.bin'), made.bytes);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  const vocabulary = vocabularyAs === 'json' ? JSON.stringify(made.vocabulary) : `${made.vocabulary.join('\n')}\n`;
  await writeFile(join(folder, `vocabulary.${vocabularyAs}`), vocabulary);
}

const scalars: readonly (readonly [string, number, 'int8' | 'int16'])[] = [
  ['decoder/activation', 3, 'int8'],
  ['decoder/pre_norm', 1, 'int8'],
  ['decoder/scale_embeddings', 0, 'int8'],
  ['decoder/num_heads', madeDims.heads, 'int16'],
  ['encoder/num_heads', madeDims.heads, 'int16'],
];

function shapes({ decoderLayers = 2, untied = false }: MadeOptions): [string, readonly number[]][] {
  const { state, mels, inner, audioContext, textContext } = madeDims;
  const vocabulary = madeVocabulary.length;
  const norm = (name: string): [string, readonly number[]][] => [
    [`${name}/beta`, [state]],
    [`${name}/gamma`, [state]],
  ];
  const linear = (name: string, outputs: number, inputs: number): [string, readonly number[]][] => [
    [`${name}/bias`, [outputs]],
    [`${name}/weight`, [outputs, inputs]],
  ];
  const layer = (name: string): [string, readonly number[]][] => [
    ...norm(`${name}/self_attention/layer_norm`),
    ...linear(`${name}/self_attention/linear_0`, 3 * state, state),
    ...linear(`${name}/self_attention/linear_1`, state, state),
    ...norm(`${name}/ffn/layer_norm`),
    ...linear(`${name}/ffn/linear_0`, inner, state),
    ...linear(`${name}/ffn/linear_1`, state, inner),
  ];
  const decoder = Array.from({ length: decoderLayers }, (_, index) => `decoder/layer_${index}`).flatMap((name) => [
    ...layer(name),
    ...norm(`${name}/attention/layer_norm`),
    ...linear(`${name}/attention/linear_0`, state, state),
    ...linear(`${name}/attention/linear_1`, 2 * state, state),
    ...linear(`${name}/attention/linear_2`, state, state),
  ]);
  return [
    ['encoder/conv1/bias', [state]],
    ['encoder/conv1/weight', [state, mels, 3]],
    ['encoder/conv2/bias', [state]],
    ['encoder/conv2/weight', [state, state, 3]],
    ['encoder/position_encodings/encodings', [audioContext, state]],
    ...layer('encoder/layer_0'),
    ...norm('encoder/layer_norm'),
    ['decoder/embeddings/weight', [vocabulary, state]],
    ...(untied ? ([['decoder/projection/weight', [vocabulary, state]]] as [string, readonly number[]][]) : []),
    ['decoder/position_encodings/encodings', [textContext, state]],
    ...decoder,
    ...norm('decoder/layer_norm'),
  ];
}

/** Steps of 1/64 from -1 to 1: exact in every float type. */
function madeValues(name: string, shape: readonly number[]): Float32Array {
  let seed = name.length * 7919 + name.charCodeAt(name.length - 9);
  return Float32Array.from({ length: shape.reduce((product, one) => product * one, 1) }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (((seed >>> 16) % 129) - 64) / 64;
  });
}

/** A variable as its type, with its scale where it has one; notes what it holds then. */
function store(
  name: string,
  shape: readonly number[],
  type: StoredType,
  made: Float32Array,
  values: Map<string, Float32Array>,
): Variable[] {
  if (type !== 'int8' && type !== 'int16') {
    values.set(name, made);
    return [{ name, shape, type, bytes: floats(type, made) }];
  }
  const rows = type === 'int8' ? (shape[0] ?? 1) : 1;
  const rowLength = made.length / rows;
  const scales = Float32Array.from({ length: rows }, (_, row) => {
    const largest = Math.max(...made.subarray(row * rowLength, (row + 1) * rowLength).map(Math.abs)) || 127;
    return (type === 'int8' ? 127 : 1024) / largest;
  });
  const levels = made.map((one, index) => Math.round(one * scales[Math.floor(index / rowLength)]!));
  values.set(
    name,
    levels.map((one, index) => one / scales[Math.floor(index / rowLength)]!),
  );
  return [
    { name, shape, type, bytes: whole(type, levels) },
    { name: `${name}_scale`, shape: type === 'int8' ? [rows] : [], type: 'float32', bytes: floats('float32', scales) },
  ];
}

function floats(type: StoredType, list: Float32Array): Buffer {
  const wide = Buffer.from(Float32Array.from(list).buffer);
  if (type === 'float32') return wide;
  const halves = Buffer.alloc(list.length * 2);
  for (const [index, value] of list.entries()) {
    halves.writeUInt16LE(type === 'bfloat16' ? wide.readUInt16LE(index * 4 + 2) : toFloat16(value), index * 2);
  }
  return halves;
}

/** Only for values that float16 has exactly. */
function toFloat16(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.abs(value) / 2 ** exponent - 1;
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | (fraction * 1024);
}

function whole(type: 'int8' | 'int16', list: ArrayLike<number>): Buffer {
  return Buffer.from(type === 'int8' ? Int8Array.from(list).buffer : Int16Array.from(list).buffer);
}

function encodeVariable({ name, shape, type, bytes }: Variable): Buffer[] {
  const head = [text(name), Buffer.of(shape.length), ...shape.map(uint32), Buffer.of(typeNumbers[type])];
  return [...head, uint32(bytes.length), bytes];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(`${value}\0`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([length, bytes]);
}
