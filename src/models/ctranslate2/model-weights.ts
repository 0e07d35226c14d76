import { type Ctranslate2File, itemBytes, type StoredVariable, shapeText } from './ctranslate2-file.ts';
import { isFloatType, requireFinite, toFloats } from './float-values.ts';
import { importError } from './import-error.ts';

/** A weight of the model, read as float32 whatever the file stores. */
export interface Weight {
  /** Equal for two names of one variable. */
  readonly key: string;
  readonly shape: readonly number[];
  /** Rows along the first dimension, `[count, the rest]`, in memory of their own; finite numbers, or a GatewayError. */
  readRows(first: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}

/** What int16 weights were multiplied with before scales were stored (`Quantize::global_int16_scale`). */
const oldInt16Scale = 1000;

/** The variables of a model, each checked for the shape that it must have. */
export class ModelWeights {
  readonly #file: Ctranslate2File;

  constructor(file: Ctranslate2File) {
    this.#file = file;
  }

  has(name: string): boolean {
    return this.#file.variable(name) !== undefined;
  }

  /** Shape of a variable with so many dimensions, none of them empty. Throws a GatewayError when it is not there or has others. */
  shapeOf(name: string, rank: number): readonly number[] {
    const { shape } = this.#variable(name);
    if (shape.length === rank && shape.every((one) => one > 0)) return shape;
    throw importError(`${name} in model.bin has the shape ${shapeText(shape)}; ${rank} dimensions are expected.`);
  }

  /** A weight of exactly this shape. Throws a GatewayError when it is not there or another. */
  weight(name: string, shape: readonly number[]): Weight {
    const variable = this.#variable(name);
    if (shapeText(variable.shape) !== shapeText(shape)) {
      throw importError(`${name} in model.bin has the shape ${shapeText(variable.shape)}, not ${shapeText(shape)}.`);
    }
    const scale = this.#scaleOf(name, variable);
    const rowLength = shape.slice(1).reduce((product, one) => product * one, 1);
    let divisors: Promise<Float32Array> | null = null;
    return {
      key: variable.name,
      shape,
      readRows: async (first, count) => {
        const values = await this.#read(variable, first * rowLength, count * rowLength);
        if (scale !== null) {
          divisors ??= this.#divisors(name, scale);
          divide(values, rowLength, first, await divisors);
        }
        requireFinite(values, name);
        return values;
      },
    };
  }

  /** A single whole number, or null when the variable is not there. Throws a GatewayError for anything else. */
  async wholeNumber(name: string): Promise<number | null> {
    const variable = this.#file.variable(name);
    if (variable === undefined) return null;
    const count = variable.sizeBytes / itemBytes[variable.type];
    if (count !== 1 || isFloatType(variable.type)) throw importError(`${name} in model.bin is no whole number.`);
    return (await this.#read(variable, 0, 1))[0]!;
  }

  #variable(name: string): StoredVariable {
    const variable = this.#file.variable(name);
    if (variable === undefined) throw importError(`model.bin has no ${name}.`);
    return variable;
  }

  /** Where the divisors of a quantised variable are: one, or one for each row. null: the variable holds floats. */
  #scaleOf(name: string, variable: StoredVariable): StoredVariable | number | null {
    if (isFloatType(variable.type)) return null;
    const scale = this.#file.variable(`${name}_scale`) ?? this.#file.variable(`${variable.name}_scale`);
    if (scale === undefined) {
      if (variable.type === 'int16') return oldInt16Scale;
      throw importError(`model.bin has no ${name}_scale, which ${name} of ${variable.type} needs.`);
    }
    const count = scale.sizeBytes / itemBytes[scale.type];
    if (!isFloatType(scale.type) || (count !== 1 && count !== variable.shape[0])) {
      throw importError(
        `${name}_scale in model.bin holds ${count} ${scale.type} for ${name} ${shapeText(variable.shape)}.`,
      );
    }
    return scale;
  }

  async #divisors(name: string, scale: StoredVariable | number): Promise<Float32Array> {
    if (typeof scale === 'number') return Float32Array.of(scale);
    const values = await this.#read(scale, 0, scale.sizeBytes / itemBytes[scale.type]);
    if (values.every((one) => one > 0 && Number.isFinite(one))) return values;
    throw importError(`${name}_scale in model.bin is damaged: a value of it is not above zero.`);
  }

  async #read(variable: StoredVariable, first: number, count: number): Promise<Float32Array<ArrayBuffer>> {
    return toFloats(variable.type, await this.#file.read(variable, first, count));
  }
}

/** Quantised values are the weights times their scale. */
function divide(values: Float32Array, rowLength: number, firstRow: number, divisors: Float32Array): void {
  for (let start = 0, row = firstRow; start < values.length; start += rowLength, row++) {
    const divisor = divisors.length === 1 ? divisors[0]! : divisors[row]!;
    for (let index = start; index < start + rowLength; index++) values[index] = values[index]! / divisor;
  }
}
