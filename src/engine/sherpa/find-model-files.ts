import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelLoader } from '../protocol.ts';
import { brokenModel } from './broken-model.ts';

/** The loaders that run in sherpa-onnx. */
export type SherpaLoader = Extract<ModelLoader, `sherpa-${string}`>;

export type TransducerPart = 'encoder' | 'decoder' | 'joiner';

/** Paths of the files of one model. */
export interface TransducerFiles extends Readonly<Record<TransducerPart, string>> {
  readonly tokens: string;
}

export interface SenseVoiceFiles {
  readonly model: string;
  readonly tokens: string;
}

const TOKENS = 'tokens.txt';
const QUANTISED = /[-_.](int8|fp16)(?=\.)/;

/** `model.int8.onnx` where it is there, else `model.onnx`. Throws GatewayError when a file is missing. */
export async function findSenseVoiceFiles(folder: string): Promise<SenseVoiceFiles> {
  const names = await namesIn(folder);
  const model = preferred(
    names.filter((name) => /^model([-_.].*)?\.onnx$/.test(name)),
    'int8',
  );
  if (model === undefined) throw brokenModel(null, 'has no model.int8.onnx and no model.onnx');
  return { model: join(folder, model), tokens: join(folder, TOKENS) };
}

/**
 * `encoder.int8.onnx` and its like, also with the names that icefall's exports carry behind the part
 * (`encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx`). Where a folder holds several exports, the last by name that is
 * complete. Encoder and joiner are taken quantised where they are; `decoder` says which decoder is: a Zipformer's is tiny
 * and loses words when it is quantised. Throws GatewayError when a part is missing.
 */
export async function findTransducerFiles(folder: string, decoder: 'int8' | 'plain'): Promise<TransducerFiles> {
  const names = await namesIn(folder);
  const exports = new Map<string, Record<TransducerPart, string[]>>();
  for (const name of names) {
    const match = /^(?:(.*)[-_.])?(encoder|decoder|joiner)([-_.].*)?\.onnx$/.exec(name);
    if (!match) continue;
    const stem = `${match[1] ?? ''}|${`${match[3] ?? ''}.`.replace(QUANTISED, '')}`;
    const found = exports.get(stem) ?? { encoder: [], decoder: [], joiner: [] };
    found[match[2] as TransducerPart].push(name);
    exports.set(stem, found);
  }
  for (const [, found] of [...exports].sort(([left], [right]) => (left < right ? 1 : -1))) {
    const encoder = preferred(found.encoder, 'int8');
    const joiner = preferred(found.joiner, 'int8');
    const chosen = preferred(found.decoder, decoder);
    if (encoder === undefined || joiner === undefined || chosen === undefined) continue;
    return {
      encoder: join(folder, encoder),
      decoder: join(folder, chosen),
      joiner: join(folder, joiner),
      tokens: join(folder, TOKENS),
    };
  }
  throw brokenModel(null, 'has no encoder, decoder and joiner (….onnx) that belong together');
}

async function namesIn(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (thrown) {
    throw brokenModel(null, 'cannot be read', thrown);
  }
  if (!names.includes(TOKENS)) throw brokenModel(null, `has no ${TOKENS}`);
  return names.sort();
}

function preferred(names: readonly string[], precision: 'int8' | 'plain'): string | undefined {
  const rank = (name: string) => {
    const quantised = QUANTISED.exec(name)?.[1];
    if (quantised === undefined) return precision === 'plain' ? 0 : 1;
    return quantised === 'int8' ? (precision === 'plain' ? 1 : 0) : 2;
  };
  return [...names].sort((left, right) => rank(left) - rank(right))[0];
}
