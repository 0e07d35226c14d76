import { FileWindow } from './file-window.ts';
import { importError, unsupportedModel } from './import-error.ts';

/**
 * CTranslate2's `model.bin`: version, specification and its revision, then variables by name with their values, then
 * aliases. The layout is that of `Model::load` in CTranslate2's src/models/model.cc.
 */

export type StoredType = 'float32' | 'int8' | 'int16' | 'int32' | 'float16' | 'bfloat16';

/** In the order of CTranslate2's `DataType`, which is what the file holds. */
const storedTypes: readonly StoredType[] = ['float32', 'int8', 'int16', 'int32', 'float16', 'bfloat16'];

export const itemBytes: Readonly<Record<StoredType, number>> = {
  float32: 4,
  int8: 1,
  int16: 2,
  int32: 4,
  float16: 2,
  bfloat16: 2,
};

/** One variable; its values stay in the file. */
export interface StoredVariable {
  readonly name: string;
  readonly type: StoredType;
  /** Empty for a single number. */
  readonly shape: readonly number[];
  /** Where its values start in the file; they are known to end inside it. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Whisper came with version 5 of the format, the tensors are the same in 6. Revision 3 of its specification is the one
 * that every published converter since February 2023 writes; before it, numbers for activations meant others.
 */
const binaryVersions = [5, 6];
const whisperRevision = 3;

/** Whisper large has 1,300 variables in float16 and 1,900 in int8. */
const maxVariables = 65_536;
/** Weights of convolutions have three dimensions, no other has more. */
const maxRank = 4;

/** The index of a `model.bin`, and the open file behind it. */
export class Ctranslate2File {
  readonly #window: FileWindow;
  readonly #variables = new Map<string, StoredVariable>();

  private constructor(window: FileWindow) {
    this.#window = window;
  }

  /**
   * Reads the index of a Whisper model, not its values. Rejects with a GatewayError when the file is cut off, damaged, of
   * another kind or of a version that is not known.
   */
  static async open(path: string, signal: AbortSignal): Promise<Ctranslate2File> {
    const window = await FileWindow.open(path, 'model.bin');
    try {
      const file = new Ctranslate2File(window);
      await file.#readIndex(signal);
      return file;
    } catch (thrown) {
      await window.close();
      throw thrown;
    }
  }

  /** By its own name or by an alias. */
  variable(name: string): StoredVariable | undefined {
    return this.#variables.get(name);
  }

  /** The raw values from `first` on, `count` of them, in memory of their own. */
  read(variable: StoredVariable, first: number, count: number): Promise<Buffer<ArrayBuffer>> {
    const size = itemBytes[variable.type];
    if (first < 0 || (first + count) * size > variable.sizeBytes) {
      throw new RangeError(`${variable.name} has no values ${first} to ${first + count}`);
    }
    return this.#window.readAt(variable.offset + first * size, count * size);
  }

  close(): Promise<void> {
    return this.#window.close();
  }

  async #readIndex(signal: AbortSignal): Promise<void> {
    const window = this.#window;
    await requireWhisper(window);
    const variableCount = await boundedCount(window, 'variables');
    for (let index = 0; index < variableCount; index++) {
      signal.throwIfAborted();
      const variable = await readVariable(window);
      if (!this.#variables.has(variable.name)) this.#variables.set(variable.name, variable);
    }
    const aliasCount = await boundedCount(window, 'aliases');
    for (let index = 0; index < aliasCount; index++) {
      const alias = await readText(window);
      const target = await readText(window);
      this.#addAlias(alias, target);
      // Variables are made aliases before they are quantised, so the scale of the one is the scale of the other.
      this.#addAlias(`${alias}_scale`, `${target}_scale`);
    }
    if (window.leftBytes > 0) throw importError(`model.bin has ${window.leftBytes} bytes too many at its end.`);
  }

  #addAlias(alias: string, target: string): void {
    const variable = this.#variables.get(target);
    if (variable && !this.#variables.has(alias)) this.#variables.set(alias, variable);
  }
}

/** Whether a file starts like a CTranslate2 Whisper model; false for any other file, null when there is none. */
export async function startsLikeWhisper(path: string): Promise<boolean | null> {
  const window = await openOrNull(path);
  if (window === null) return null;
  try {
    if (window.sizeBytes < 64) return false;
    const version = await window.uint32();
    const length = await window.uint16();
    if (version === 0 || version > 0xff || length > 64) return false;
    return (await window.take(length)).toString('latin1') === 'WhisperSpec\0';
  } finally {
    await window.close();
  }
}

async function openOrNull(path: string): Promise<FileWindow | null> {
  try {
    return await FileWindow.open(path, 'model.bin');
  } catch {
    // Not there, a folder, or not ours to read: in each case no model that could be imported.
    return null;
  }
}

async function requireWhisper(window: FileWindow): Promise<void> {
  const version = await window.uint32();
  if (!binaryVersions.includes(version)) {
    throw unsupportedModel(
      version > 0xff
        ? 'model.bin is no CTranslate2 model.'
        : `model.bin has version ${version} of CTranslate2's format; versions ${binaryVersions.join(' and ')} are known.`,
    );
  }
  const specification = await readText(window);
  if (specification !== 'WhisperSpec') {
    throw unsupportedModel(`model.bin holds a ${printable(specification)}, not a WhisperSpec.`);
  }
  const revision = await window.uint32();
  if (revision !== whisperRevision) {
    throw unsupportedModel(
      `model.bin has revision ${revision} of WhisperSpec; revision ${whisperRevision} is known. ` +
        'Converting the model again with a recent CTranslate2 helps.',
    );
  }
}

async function readVariable(window: FileWindow): Promise<StoredVariable> {
  const name = await readText(window);
  const rank = await window.uint8();
  if (rank > maxRank) throw importError(`${printable(name)} in model.bin has ${rank} dimensions.`);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.push(await window.uint32());
  const typeNumber = await window.uint8();
  const type = storedTypes[typeNumber];
  if (type === undefined) {
    throw importError(`${printable(name)} in model.bin has the data type ${typeNumber}, which is not known.`);
  }
  const sizeBytes = await window.uint32();
  // Products of four 32-bit numbers may be inexact, but then they are far from any size that fits.
  if (shape.reduce((product, one) => product * one, itemBytes[type]) !== sizeBytes) {
    throw importError(
      `${printable(name)} in model.bin has ${sizeBytes} bytes, which does not fit its shape ${shapeText(shape)} of ${type}.`,
    );
  }
  const offset = window.position;
  window.skip(sizeBytes);
  return { name, type, shape, offset, sizeBytes };
}

async function boundedCount(window: FileWindow, what: string): Promise<number> {
  const count = await window.uint32();
  if (count > maxVariables) throw importError(`model.bin says that it has ${count} ${what}.`);
  return count;
}

/** A string with its length before it and a zero byte, which is counted, behind it. */
async function readText(window: FileWindow): Promise<string> {
  const length = await window.uint16();
  if (length === 0) throw importError(`model.bin is damaged: an empty name at ${window.position}.`);
  const bytes = await window.take(length);
  if (bytes[length - 1] !== 0) throw importError(`model.bin is damaged: a name without an end at ${window.position}.`);
  return bytes.toString('utf8', 0, length - 1);
}

/** `[512, 80, 3]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** A name out of a file that may be damaged, fit for a message. */
function printable(name: string): string {
  const short = name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 80);
  return `'${short}'`;
}
