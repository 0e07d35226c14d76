import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import onnxProto, { type onnx } from 'onnx-proto';
import type { BuiltGraph } from './graph-builder.ts';
import { type GraphTensor, tensorBytes } from './graph-tensor.ts';
import { diskError, unsupportedModel } from './import-error.ts';
import { encodeGraphHead, encodeNode, encodePorts, encodeTensorHead } from './onnx-encoding.ts';

const { GraphProto, ModelProto } = onnxProto.onnx;

/** Version 20 of ONNX's operators has Gelu; 9 is the intermediate representation of its time. */
const opsets: readonly onnx.IOperatorSetIdProto[] = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
];
const irVersion = 9;

/** Protobuf readers, ONNX Runtime's among them, take no message above 2 GiB. */
const maxFileBytes = 2 ** 31 - 1;

export interface WrittenFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An ONNX model that is laid out but not written: every size is known, no weight has been read. */
export interface OnnxLayout {
  readonly sizeBytes: number;
  readonly pieces: readonly (Uint8Array | GraphTensor)[];
}

/**
 * Lays an ONNX file out. Protobuf lets parts of a message follow each other, so the nodes, each constant and the rest
 * are encoded apart, and no more than one constant is in memory when they are written. Throws a GatewayError for a model
 * that is too large for the format.
 */
export function layOutOnnx(graph: BuiltGraph, metadata: ReadonlyMap<string, string>): OnnxLayout {
  const graphPieces: (Uint8Array | GraphTensor)[] = [
    ...graph.nodes.map(encodeNode),
    GraphProto.encode({ name: graph.name }).finish(),
    ...graph.tensors.flatMap(({ name, tensor }) => [encodeTensorHead(name, tensor), tensor]),
    encodePorts(graph.inputs, graph.outputs),
  ];
  const pieces = [
    ModelProto.encode({ irVersion }).finish(),
    encodeGraphHead(sizeOf(graphPieces)),
    ...graphPieces,
    ModelProto.encode({
      opsetImport: [...opsets],
      metadataProps: [...metadata].map(([key, value]) => ({ key, value })),
    }).finish(),
  ];
  const sizeBytes = sizeOf(pieces);
  if (sizeBytes > maxFileBytes) {
    throw unsupportedModel(`its ${graph.name} would take ${sizeBytes} bytes, and ONNX files end at ${maxFileBytes}.`);
  }
  return { sizeBytes, pieces };
}

/**
 * Writes a laid-out model. Rejects with a GatewayError when a weight is damaged or the disk is full, and with the
 * signal's reason when it is aborted; what was written by then stays.
 */
export async function writeOnnx(
  path: string,
  layout: OnnxLayout,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<WrittenFile> {
  return writeHashed(path, async (write) => {
    for (const piece of layout.pieces) {
      signal.throwIfAborted();
      const bytes = piece instanceof Uint8Array ? piece : await exactBytes(piece);
      await write(bytes);
      onBytes(bytes.length);
    }
  });
}

/** Writes a file piece by piece and gives back its size and sum. The file is on the disk, not only in its cache, then. */
export async function writeHashed(
  path: string,
  produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<WrittenFile> {
  const label = path.replace(/^.*[\\/]/, '');
  const hash = createHash('sha256');
  let file: FileHandle | null = null;
  let sizeBytes = 0;
  try {
    const target = await open(path, 'w');
    file = target;
    await produce(async (bytes) => {
      await writeAll(target, hash, bytes);
      sizeBytes += bytes.length;
    });
    await target.sync();
  } catch (thrown) {
    throw diskError(thrown, label);
  } finally {
    await file?.close();
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** In pieces, so that hashing a large tensor does not hold up the event loop. */
async function writeAll(file: FileHandle, hash: Hash, bytes: Uint8Array): Promise<void> {
  const pieceBytes = 4 * 1024 * 1024;
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = bytes.subarray(start, start + pieceBytes);
    hash.update(piece);
    let done = 0;
    while (done < piece.length) done += (await file.write(piece, done)).bytesWritten;
  }
}

async function exactBytes(tensor: GraphTensor): Promise<Uint8Array> {
  const bytes = await tensor.bytes();
  if (bytes.length !== tensorBytes(tensor)) throw new Error(`${tensor.key} has ${bytes.length} bytes`);
  return bytes;
}

function sizeOf(pieces: readonly (Uint8Array | GraphTensor)[]): number {
  return pieces.reduce((sum, one) => sum + (one instanceof Uint8Array ? one.length : tensorBytes(one)), 0);
}
