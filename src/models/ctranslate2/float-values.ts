import { importError } from './import-error.ts';

type FloatType = 'float32' | 'float16' | 'bfloat16';
type WholeType = 'int8' | 'int16' | 'int32';

export function isFloatType(type: FloatType | WholeType): type is FloatType {
  return type === 'float32' || type === 'float16' || type === 'bfloat16';
}

/** Little-endian values of any of CTranslate2's types as float32; whole numbers are not yet divided by their scale. */
export function toFloats(type: FloatType | WholeType, bytes: Buffer<ArrayBuffer>): Float32Array<ArrayBuffer> {
  // Every machine that Node and ONNX Runtime run on is little-endian; typed arrays read as the machine does.
  const { buffer } = bytes;
  switch (type) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float16':
      return looked(new Uint16Array(buffer), float16Table());
    case 'bfloat16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer));
    case 'int32':
      return Float32Array.from(new Int32Array(buffer));
  }
}

/** Rejects infinity and not-a-number: they would spread through every result of the model. */
export function requireFinite(values: Float32Array, name: string): void {
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index])) {
      throw importError(`${name} in model.bin is damaged: a value of it is no finite number.`);
    }
  }
}

function looked(halves: Uint16Array, table: Float32Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index++) floats[index] = table[halves[index]!]!;
  return floats;
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) bits[index] = halves[index]! << 16;
  return new Float32Array(bits.buffer);
}

let float16Values: Float32Array | null = null;

/** All 65,536 float16 values (256 kB), made on first use: a look-up is several times as fast as the arithmetic. */
function float16Table(): Float32Array {
  if (float16Values) return float16Values;
  const table = new Float32Array(0x10000);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = (bits & 0x3ff) / 1024;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -14;
    else if (exponent === 31) table[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    else table[bits] = sign * (1 + fraction) * 2 ** (exponent - 15);
  }
  float16Values = table;
  return table;
}
