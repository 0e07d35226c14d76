import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import onnxProto from 'onnx-proto';
import { brokenModel } from './broken-model.ts';

/**
 * What an ONNX file says about itself, read without its weights: lengths lead from field to field, and only the small
 * fields are looked into. sherpa-onnx ends the process over a file that is not what it expects, so everything is checked
 * on this outline first.
 */
export interface OnnxOutline {
  /** Custom metadata. */
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the file, without weights that are listed as inputs (as old exports do). */
  readonly inputs: readonly TensorOutline[];
  readonly outputs: readonly TensorOutline[];
  /** Files beside it that hold weights, with the bytes that each must have at least. */
  readonly weightFiles: ReadonlyMap<string, number>;
}

export interface TensorOutline {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly elementType: number;
  /** null: a size that is only known at run time. */
  readonly dims: readonly (number | null)[];
}

/** Numbers of the fields that are looked into (onnx.proto). */
const MODEL_GRAPH = 7;
const MODEL_METADATA = 14;
const GRAPH_INITIALIZER = 5;
const GRAPH_INPUT = 11;
const GRAPH_OUTPUT = 12;
const TENSOR_NAME = 8;
const TENSOR_EXTERNAL_DATA = 13;

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Bytes that are fetched at once; neighbouring small fields then cost no call. */
const READ_BYTES = 65_536;
/** No name, tensor description or metadata entry is longer; SenseVoice's longest (means of 560 features) has 7 KB. */
const MAX_ENTRY_BYTES = 4 * 2 ** 20;
/** Large models have some ten thousand nodes and weights, and a handful of fields for each weight. */
const MAX_FIELDS = 2_000_000;

interface Field {
  readonly number: number;
  readonly wire: number;
  /** First byte of the content and the one after its last. */
  readonly start: number;
  readonly end: number;
}

/** Throws GatewayError when the file is missing, cut off or no ONNX model. */
export async function readOnnxOutline(path: string): Promise<OnnxOutline> {
  const name = basename(path);
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (thrown) {
    throw brokenModel(name, 'cannot be read', thrown);
  }
  try {
    return await outlineOf(new FieldReader(file, (await file.stat()).size, name));
  } finally {
    await file.close();
  }
}

async function outlineOf(reader: FieldReader): Promise<OnnxOutline> {
  const metadata = new Map<string, string>();
  const inputs: TensorOutline[] = [];
  const outputs: TensorOutline[] = [];
  const weights = new Set<string>();
  const weightFiles = new Map<string, number>();
  let graphs = 0;
  for await (const field of reader.fields(0, reader.size)) {
    if (field.number === MODEL_METADATA) {
      const { key, value } = await reader.decode(field, (bytes) => onnxProto.onnx.StringStringEntryProto.decode(bytes));
      metadata.set(key, value);
    } else if (field.number === MODEL_GRAPH && field.wire === LENGTH_DELIMITED) {
      graphs++;
      for await (const part of reader.fields(field.start, field.end)) {
        if (part.number === GRAPH_INPUT) inputs.push(await tensorOf(reader, part));
        else if (part.number === GRAPH_OUTPUT) outputs.push(await tensorOf(reader, part));
        else if (part.number === GRAPH_INITIALIZER) await lookIntoWeight(reader, part, weights, weightFiles);
      }
    }
  }
  if (graphs !== 1 || outputs.length === 0) throw reader.broken('is no ONNX model');
  return { metadata, inputs: inputs.filter((one) => !weights.has(one.name)), outputs, weightFiles };
}

async function tensorOf(reader: FieldReader, field: Field): Promise<TensorOutline> {
  const { name, type } = await reader.decode(field, (bytes) => onnxProto.onnx.ValueInfoProto.decode(bytes));
  const dims = (type?.tensorType?.shape?.dim ?? []).map(({ dimValue, dimParam }) => {
    const size = Number(dimValue ?? 0);
    return dimParam || !Number.isSafeInteger(size) || size < 1 ? null : size;
  });
  return { name, elementType: type?.tensorType?.elemType ?? 0, dims };
}

async function lookIntoWeight(
  reader: FieldReader,
  field: Field,
  weights: Set<string>,
  weightFiles: Map<string, number>,
): Promise<void> {
  const external = new Map<string, string>();
  for await (const part of reader.fields(field.start, field.end)) {
    if (part.number === TENSOR_NAME) weights.add(Buffer.from(await reader.bytes(part)).toString('utf8'));
    else if (part.number === TENSOR_EXTERNAL_DATA) {
      const entry = await reader.decode(part, (bytes) => onnxProto.onnx.StringStringEntryProto.decode(bytes));
      external.set(entry.key, entry.value);
    }
  }
  const location = external.get('location');
  if (location === undefined) return;
  const end = Number(external.get('offset') ?? 0) + Number(external.get('length') ?? 0);
  if (!Number.isSafeInteger(end) || end < 0) throw reader.broken('says nonsense about where its weights are');
  weightFiles.set(location, Math.max(end, weightFiles.get(location) ?? 0));
}

/** Walks the fields of a protobuf message that lies in a file. */
class FieldReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #name: string;
  #buffer = new Uint8Array(0);
  #bufferStart = 0;
  #fieldsLeft = MAX_FIELDS;

  constructor(file: FileHandle, size: number, name: string) {
    this.#file = file;
    this.size = size;
    this.#name = name;
  }

  broken(what: string, cause?: unknown) {
    return brokenModel(this.#name, what, cause);
  }

  /** The fields between two places of the file; throws when they do not fill it exactly. */
  async *fields(start: number, end: number): AsyncGenerator<Field> {
    for (let at = start; at < end; ) {
      if (--this.#fieldsLeft < 0) throw this.broken('has more parts than any model');
      const tag = await this.#varint(at, end);
      const wire = tag.value % 8;
      const content = at + tag.bytes;
      let first = content;
      if (wire === VARINT) at = content + (await this.#varint(content, end)).bytes;
      else if (wire === FIXED_64) at = content + 8;
      else if (wire === FIXED_32) at = content + 4;
      else if (wire === LENGTH_DELIMITED) {
        const length = await this.#varint(content, end);
        first = content + length.bytes;
        at = first + length.value;
      } else throw this.broken('is no ONNX model');
      if (at > end) throw this.broken('is cut off or no ONNX model');
      yield { number: Math.floor(tag.value / 8), wire, start: first, end: at };
    }
  }

  async bytes(field: Field): Promise<Uint8Array> {
    if (field.wire !== LENGTH_DELIMITED) throw this.broken('is no ONNX model');
    const length = field.end - field.start;
    if (length > MAX_ENTRY_BYTES) throw this.broken('has an entry of absurd length');
    return this.#read(field.start, length);
  }

  async decode<Message>(field: Field, decode: (bytes: Uint8Array) => Message): Promise<Message> {
    const bytes = await this.bytes(field);
    try {
      return decode(bytes);
    } catch (thrown) {
      throw this.broken('is damaged', thrown);
    }
  }

  /** A number in protobuf's base 128; exact up to 2^53. */
  async #varint(at: number, end: number): Promise<{ value: number; bytes: number }> {
    const bytes = await this.#read(at, Math.min(10, end - at));
    let value = 0;
    let scale = 1;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return { value, bytes: index + 1 };
      scale *= 128;
    }
    throw this.broken('is cut off or no ONNX model');
  }

  async #read(at: number, length: number): Promise<Uint8Array> {
    const from = at - this.#bufferStart;
    if (from >= 0 && from + length <= this.#buffer.length) return this.#buffer.subarray(from, from + length);
    const buffer = new Uint8Array(Math.min(Math.max(length, READ_BYTES), this.size - at));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#file.read(buffer, filled, buffer.length - filled, at + filled);
      if (bytesRead === 0) throw this.broken('was cut off while it was read');
      filled += bytesRead;
    }
    this.#buffer = buffer;
    this.#bufferStart = at;
    return buffer.subarray(0, length);
  }
}
