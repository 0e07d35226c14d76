import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startsLikeWhisper } from './ctranslate2-file.ts';
import { readOnnxMetadata } from './onnx-metadata.ts';

/** Kinds of model folders that can be imported. */
export type ModelFolderKind =
  | 'ctranslate2-whisper'
  | 'sherpa-whisper'
  | 'sherpa-sense-voice'
  | 'sherpa-nemo-transducer'
  | 'sherpa-zipformer-streaming'
  | 'moonshine';

/**
 * Recognises a model folder by the files in it and by what they say of themselves; only their heads and metadata are
 * read. sherpa's releases put a name before each file's (`tiny.en-encoder.int8.onnx`), which is allowed. null: no kind
 * that can be imported, or no folder. Never rejects for what is in the folder.
 */
export async function describeModelFolder(folder: string): Promise<ModelFolderKind | null> {
  const names = await namesIn(folder);
  if (names.includes('model.bin') && (await startsLikeWhisper(join(folder, 'model.bin')))) return 'ctranslate2-whisper';
  if (names.includes('encoder_model.onnx') && names.includes('decoder_model_merged.onnx')) return 'moonshine';
  if (!names.some((name) => /(^|-)tokens\.txt$/.test(name))) return null;
  const encoder = graphNamed(names, 'encoder');
  if (encoder && graphNamed(names, 'decoder')) {
    const metadata = await readOnnxMetadata(join(folder, encoder));
    return metadata && encoderKind(metadata, graphNamed(names, 'joiner') !== null);
  }
  const model = graphNamed(names, 'model');
  const metadata = model === null ? null : await readOnnxMetadata(join(folder, model));
  // Relatives of SenseVoice share its name but know no languages.
  return metadata?.get('model_type') === 'sense_voice_ctc' && metadata.has('lang_auto') ? 'sherpa-sense-voice' : null;
}

function encoderKind(metadata: ReadonlyMap<string, string>, hasJoiner: boolean): ModelFolderKind | null {
  const type = metadata.get('model_type') ?? '';
  if (type.startsWith('whisper')) return hasJoiner ? null : 'sherpa-whisper';
  if (!hasJoiner) return null;
  // NeMo's classes: EncDecRNNTBPEModel, EncDecHybridRNNTCTCBPEModel. Those that stream say how they are cut.
  if (/^EncDec.*RNNT.*Model$/.test(type)) return metadata.has('window_size') ? null : 'sherpa-nemo-transducer';
  // Only the streaming ones are exported for chunks.
  if (/^zipformer2?$/.test(type) && metadata.has('decode_chunk_len')) return 'sherpa-zipformer-streaming';
  return null;
}

/** The file of a part, `encoder.int8.onnx` before `encoder.onnx`, with or without a name before or after it. */
function graphNamed(names: readonly string[], part: string): string | null {
  const whole = new RegExp(`^(.*-)?${part}(-[A-Za-z0-9._-]*?)?(\\.int8|\\.fp16)?\\.onnx$`);
  const found = names.filter((name) => whole.test(name));
  return found.find((name) => name.endsWith('.int8.onnx')) ?? found[0] ?? null;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    // Not there, or no folder: it is no model either.
    return [];
  }
}
