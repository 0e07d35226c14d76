import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../core/errors.ts';
import { toLanguageCode } from '../core/language.ts';
import type { ModelFolderKind } from './ctranslate2/describe-model-folder.ts';
import { readOnnxMetadata } from './ctranslate2/onnx-metadata.ts';
import type { ImportLoader } from './imported-models.ts';

/** Kinds of folders whose files are taken as they are. */
export type CopiedKind = Exclude<ModelFolderKind, 'ctranslate2-whisper'>;

export function loaderOf(kind: CopiedKind): ImportLoader {
  return kind === 'sherpa-whisper' ? 'whisper' : kind;
}

/**
 * The files of a folder that its loader reads, and no other: of several precisions the 8-bit one (but of a Zipformer's
 * decoder, which is tiny and loses words by it, the full one), and weights that lie beside a graph. Throws GatewayError
 * `invalid_value` for an incomplete folder.
 */
export async function filesOfFolder(kind: CopiedKind, folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).sort();
  const graphs = graphsOf(kind, names);
  const tokens =
    kind === 'moonshine'
      ? []
      : [
          requireOne(
            names.find((name) => /^(.+-)?tokens\.txt$/.test(name)),
            'tokens.txt',
          ),
        ];
  // sherpa-onnx names them `large-v3-encoder.weights`, others `….onnx.data`.
  const stems = graphs.map((name) => name.replace(/\.onnx$/, ''));
  const beside = names.filter((name) =>
    stems.some((stem) => name === `${stem}.weights` || name === `${stem}.onnx.data`),
  );
  return [...graphs, ...beside, ...tokens];
}

function graphsOf(kind: CopiedKind, names: readonly string[]): readonly string[] {
  switch (kind) {
    case 'moonshine':
      return ['encoder_model.onnx', 'decoder_model_merged.onnx'].map((name) =>
        requireOne(
          names.find((one) => one === name),
          name,
        ),
      );
    case 'sherpa-sense-voice':
      return [graph(names, 'model', true)];
    case 'sherpa-whisper':
      return [graph(names, 'encoder', true), graph(names, 'decoder', true)];
    case 'sherpa-nemo-transducer':
      return ['encoder', 'decoder', 'joiner'].map((part) => graph(names, part, true));
    case 'sherpa-zipformer-streaming':
      return [graph(names, 'encoder', true), graph(names, 'decoder', false), graph(names, 'joiner', true)];
  }
}

/** Of several exports in one folder (`…-chunk-16-left-64`, `…-left-128`) every part is taken from the last by name. */
function graph(names: readonly string[], part: string, quantised: boolean): string {
  const fits = names.filter((name) => new RegExp(`^(.+[-_.])?${part}([-_.].*)?\\.onnx$`).test(name));
  const isQuantised = (name: string) => /[-_.]int8\./.test(name);
  const preferred = fits.filter((name) => isQuantised(name) === quantised && !/[-_.]fp16\./.test(name));
  return requireOne((preferred.length > 0 ? preferred : fits).at(-1), `${part}.onnx`);
}

function requireOne(name: string | undefined, wanted: string): string {
  if (name !== undefined) return name;
  throw new GatewayError('invalid_value', `The model's folder has no ${wanted}.`, { param: 'folder' });
}

/** The 25 languages of the card of nvidia/parakeet-tdt-0.6b-v3. */
const parakeetV3 = 'bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk'.split(' ');

/** What a model says that it speaks; empty when it does not say. */
export async function languagesOfFolder(
  kind: CopiedKind,
  folder: string,
): Promise<{ readonly languages: readonly string[]; readonly translate: boolean }> {
  // Moonshine's files say nothing; those that are published under these names are English.
  if (kind === 'moonshine') return { languages: ['en'], translate: false };
  // Its card names no other.
  if (kind === 'sherpa-sense-voice') return { languages: ['zh', 'yue', 'en', 'ja', 'ko'], translate: false };
  const [encoder = ''] = await filesOfFolder(kind, folder);
  const metadata = (await readOnnxMetadata(join(folder, encoder))) ?? new Map<string, string>();
  if (kind === 'sherpa-whisper') {
    if (metadata.get('is_multilingual') !== '1') return { languages: ['en'], translate: false };
    const codes = (metadata.get('all_language_codes') ?? '').split(',').flatMap((code) => toLanguageCode(code) ?? []);
    return { languages: [...new Set(codes)], translate: true };
  }
  const url = metadata.get('url') ?? '';
  if (url.includes('parakeet-tdt-0.6b-v3')) return { languages: parakeetV3, translate: false };
  if (url.includes('parakeet-tdt-0.6b-v2')) return { languages: ['en'], translate: false };
  return { languages: [], translate: false };
}
