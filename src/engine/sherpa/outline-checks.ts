import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { brokenModel } from './broken-model.ts';
import { type OnnxOutline, readOnnxOutline, type TensorOutline } from './onnx-outline.ts';

/** TensorProto.DataType. */
export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;

/** Largest number that sherpa-onnx reads rightly (`atoi` into 32 bits). */
const MAX_INT = 2 ** 31 - 1;

/** What a tensor must be: one of these element types, and of this rank where the file gives one. */
export type WantedTensor = readonly [elementTypes: number | readonly number[], rank: number];

/** One model file and what must be true of it. Every method throws GatewayError where it is not. */
export class CheckedFile {
  readonly #name: string;
  readonly #outline: OnnxOutline;

  private constructor(name: string, outline: OnnxOutline) {
    this.#name = name;
    this.#outline = outline;
  }

  /** Reads the outline and looks for the weights that lie in files beside it. */
  static async open(path: string): Promise<CheckedFile> {
    const file = new CheckedFile(basename(path), await readOnnxOutline(path));
    for (const [location, bytes] of file.#outline.weightFiles) await file.#checkWeights(dirname(path), location, bytes);
    return file;
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.#outline.metadata;
  }

  fail(what: string): never {
    throw brokenModel(this.#name, what);
  }

  /** A text of the metadata; empty when it is not there. */
  text(key: string): string {
    return this.metadata.get(key) ?? '';
  }

  /** A whole number that sherpa-onnx cannot do without. */
  int(key: string, least = 0): number {
    const value = this.text(key);
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > MAX_INT) this.fail(`has no usable '${key}' in its metadata`);
    return number;
  }

  /** A whole number, or what sherpa-onnx takes where it is left out. */
  optionalInt(key: string, otherwise: number): number {
    return this.text(key) === '' ? otherwise : this.int(key);
  }

  /** Whole numbers above zero, parted by commas. */
  ints(key: string): readonly number[] {
    const value = this.text(key);
    const numbers = value.split(',').map(Number);
    if (!/^\d+(,\d+)*$/.test(value) || numbers.some((one) => one < 1 || one > MAX_INT)) {
      this.fail(`has no usable '${key}' in its metadata`);
    }
    return numbers;
  }

  /** `count` finite numbers, parted by commas. */
  floats(key: string, count: number): void {
    const numbers = this.text(key).split(',');
    if (numbers.length !== count || numbers.some((one) => one.trim() === '' || !Number.isFinite(Number(one)))) {
      this.fail(`has no usable '${key}' in its metadata`);
    }
  }

  /** Element types of all inputs, and the ranks of those where one is given. */
  inputs(wanted: readonly WantedTensor[]): readonly TensorOutline[] {
    return this.#tensors('inputs', this.#outline.inputs, wanted);
  }

  /** The same of the outputs. Those after the wanted ones are ignored, as sherpa-onnx does. */
  outputs(wanted: readonly WantedTensor[]): readonly TensorOutline[] {
    return this.#tensors('outputs', this.#outline.outputs.slice(0, wanted.length), wanted);
  }

  inputCount(): number {
    return this.#outline.inputs.length;
  }

  outputCount(): number {
    return this.#outline.outputs.length;
  }

  /** The last size of a tensor: `wanted`, or known at run time only. */
  width(tensor: TensorOutline | undefined, wanted: number): void {
    const last = tensor?.dims.at(-1) ?? null;
    if (last !== null && last !== wanted) this.fail(`is made for ${last} values where ${wanted} are wanted`);
  }

  #tensors(what: string, tensors: readonly TensorOutline[], wanted: readonly WantedTensor[]): readonly TensorOutline[] {
    const fits =
      tensors.length === wanted.length &&
      wanted.every(([elementTypes, rank], index) => {
        const tensor = tensors[index];
        // An export without shapes says nothing about the rank.
        return (
          tensor !== undefined &&
          [elementTypes].flat().includes(tensor.elementType) &&
          (tensor.dims.length === 0 || tensor.dims.length === rank)
        );
      });
    if (!fits) this.fail(`has other ${what} than this kind of model`);
    return tensors;
  }

  async #checkWeights(folder: string, location: string, bytes: number): Promise<void> {
    const inside = normalize(location);
    if (isAbsolute(inside) || inside.startsWith('..')) this.fail('wants weights from outside its folder');
    const path = join(folder, inside);
    let size: number;
    try {
      ({ size } = await stat(path));
    } catch (thrown) {
      throw brokenModel(this.#name, `needs its weights in ${basename(inside)}, which cannot be read`, thrown);
    }
    if (size < bytes) throw brokenModel(basename(inside), 'is cut off');
  }
}
