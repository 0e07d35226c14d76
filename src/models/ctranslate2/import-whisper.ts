import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Ctranslate2File } from './ctranslate2-file.ts';
import { decoderGraph } from './decoder-graph.ts';
import { encoderGraph } from './encoder-graph.ts';
import { diskError, importError } from './import-error.ts';
import { ModelWeights } from './model-weights.ts';
import { layOutOnnx, type OnnxLayout, type WrittenFile, writeHashed, writeOnnx } from './onnx-file.ts';
import { readWhisperDims, type WhisperDims } from './whisper-dims.ts';
import { readVocabulary, readWhisperConfig } from './whisper-folder.ts';
import { alignmentHeads, whisperMetadata } from './whisper-metadata.ts';
import { findWhisperTokens, tokensText, type WhisperTokens } from './whisper-tokens.ts';

export interface ImportOptions {
  /** Name of the size or the fine-tune, such as `base` or `tiny.en`; the files call themselves `whisper-<name>`. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** From 0 to 1, rising. */
  readonly onProgress?: (fraction: number) => void;
}

/** A Whisper model as it now lies in the target folder. */
export interface ImportedWhisper {
  readonly name: string;
  readonly multilingual: boolean;
  /** Whisper's codes (`en`, `haw`) in its own order; `en` alone for an English-only model. */
  readonly languages: readonly string[];
  readonly layers: { readonly encoder: number; readonly decoder: number };
  readonly dims: WhisperDims;
  readonly files: readonly ImportedFile[];
}

export interface ImportedFile extends WrittenFile {
  /** Inside the target folder. */
  readonly name: string;
}

/** Everything that is to be written, with no weight read yet. */
interface ImportPlan {
  readonly dims: WhisperDims;
  readonly tokens: WhisperTokens;
  readonly encoder: OnnxLayout;
  readonly decoder: OnnxLayout;
  readonly tokensText: string;
}

/**
 * Turns a CTranslate2 Whisper folder (`model.bin`, `config.json`, and `vocabulary.json` or `vocabulary.txt`) into
 * `encoder.int8.onnx`, `decoder.int8.onnx` and `tokens.txt` in `target`, which is made when it is not there. The same
 * folder gives the same bytes. All sizes are checked before anything is written; weights are read one at a time, so
 * that memory stays near the largest of them in 8 bits (66 MB for large). The files appear under their names when all
 * three are whole; until then, and never after a failure, parts of them lie beside.
 *
 * Rejects with a GatewayError: `invalid_value` for a damaged or incomplete folder, `unsupported_value` for another kind
 * of model, `storage_full` for a full disk. Rejects with the signal's reason when it is aborted.
 */
export async function importWhisper(folder: string, target: string, options: ImportOptions): Promise<ImportedWhisper> {
  const { name, signal } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw importError('its name may have letters, digits, dots, dashes and underscores, 100 at most.');
  }
  signal.throwIfAborted();
  const file = await Ctranslate2File.open(join(folder, 'model.bin'), signal);
  try {
    const plan = await planImport(folder, new ModelWeights(file), options);
    const files = await writeFiles(plan, target, options);
    const { dims, tokens } = plan;
    return {
      name,
      multilingual: tokens.multilingual,
      languages: tokens.multilingual ? tokens.languages.map((one) => one.code) : ['en'],
      layers: { encoder: dims.encoderLayers, decoder: dims.decoderLayers },
      dims,
      files,
    };
  } finally {
    await file.close();
  }
}

async function planImport(folder: string, weights: ModelWeights, options: ImportOptions): Promise<ImportPlan> {
  const { name, signal } = options;
  const config = await readWhisperConfig(folder);
  const vocabulary = await readVocabulary(folder);
  const dims = await readWhisperDims(weights);
  const tokens = findWhisperTokens(vocabulary, dims.vocabulary);
  const alignment = alignmentHeads(config, dims);
  const metadata = whisperMetadata(name, dims, tokens, config, alignment);
  return {
    dims,
    tokens,
    encoder: layOutOnnx(encoderGraph(weights, dims, signal), metadata),
    decoder: layOutOnnx(decoderGraph(weights, dims, alignment, signal), new Map()),
    tokensText: tokensText(vocabulary, tokens.endOfText),
  };
}

async function writeFiles(
  plan: ImportPlan,
  target: string,
  { signal, onProgress }: ImportOptions,
): Promise<readonly ImportedFile[]> {
  const totalBytes = plan.encoder.sizeBytes + plan.decoder.sizeBytes;
  let doneBytes = 0;
  const onBytes = (count: number) => {
    doneBytes += count;
    onProgress?.(doneBytes / totalBytes);
  };
  const writers: readonly (readonly [string, (path: string) => Promise<WrittenFile>])[] = [
    ['encoder.int8.onnx', (path) => writeOnnx(path, plan.encoder, signal, onBytes)],
    ['decoder.int8.onnx', (path) => writeOnnx(path, plan.decoder, signal, onBytes)],
    ['tokens.txt', (path) => writeHashed(path, (write) => write(Buffer.from(plan.tokensText)))],
  ];
  const partOf = (name: string) => join(target, `${name}.part`);
  const files: ImportedFile[] = [];
  try {
    await mkdir(target, { recursive: true });
    for (const [name, write] of writers) files.push({ name, ...(await write(partOf(name))) });
    signal.throwIfAborted();
    for (const { name } of files) await rename(partOf(name), join(target, name));
  } catch (thrown) {
    for (const [name] of writers) await rm(partOf(name), { force: true });
    throw diskError(thrown, 'the folder for the model');
  }
  return files;
}
