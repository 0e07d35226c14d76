import { importError, unsupportedModel } from './import-error.ts';
import type { ModelWeights } from './model-weights.ts';

/** The sizes of a Whisper model. */
export interface WhisperDims {
  /** Mel bins: 80, from large-v3 on 128. */
  readonly mels: number;
  /** Places the encoder knows: 1,500, each 20 ms. */
  readonly audioContext: number;
  /** Tokens the decoder knows: 448. */
  readonly textContext: number;
  /** Values for each place, 384 (tiny) to 1,280 (large); the same in both halves. */
  readonly state: number;
  readonly encoderHeads: number;
  readonly decoderHeads: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly vocabulary: number;
}

/** Whisper large has 32; none is near this. */
const maxLayers = 128;

/** Far above every Whisper (see `WhisperDims`) and far below what a damaged file may say. */
const largest = { mels: 1024, audioContext: 32_768, textContext: 32_768, state: 16_384, vocabulary: 1_048_576 };

/** CTranslate2's number of the exact GELU (`ActivationType` in its include/ctranslate2/ops/activation.h). */
const gelu = 3;

/** Reads the sizes from the shapes of the variables. Rejects with a GatewayError when they do not fit a Whisper model. */
export async function readWhisperDims(weights: ModelWeights): Promise<WhisperDims> {
  const [state = 0, mels = 0] = weights.shapeOf('encoder/conv1/weight', 3);
  const [audioContext = 0] = weights.shapeOf('encoder/position_encodings/encodings', 2);
  const [textContext = 0] = weights.shapeOf('decoder/position_encodings/encodings', 2);
  const [vocabulary = 0] = weights.shapeOf('decoder/embeddings/weight', 2);
  const sizes = { mels, audioContext, textContext, state, vocabulary };
  for (const name of ['mels', 'audioContext', 'textContext', 'state', 'vocabulary'] as const) {
    if (sizes[name] <= largest[name]) continue;
    throw unsupportedModel(`model.bin has a ${name} of ${sizes[name]}; ${largest[name]} is the most that is taken.`);
  }
  await requireWhisperVariant(weights);
  return {
    ...sizes,
    encoderHeads: await headsOf(weights, 'encoder', state),
    decoderHeads: await headsOf(weights, 'decoder', state),
    encoderLayers: layersOf(weights, 'encoder'),
    decoderLayers: layersOf(weights, 'decoder'),
  };
}

/** CTranslate2 can describe relatives of the transformer that Whisper is; their graph would be another. */
async function requireWhisperVariant(weights: ModelWeights): Promise<void> {
  const expected = { activation: gelu, pre_norm: 1, scale_embeddings: 0, alibi: 0, start_from_zero_embedding: 0 };
  for (const [name, value] of Object.entries(expected)) {
    const found = await weights.wholeNumber(`decoder/${name}`);
    if (found !== null && found !== value) {
      throw unsupportedModel(`decoder/${name} in model.bin is ${found}; Whisper has ${value}.`);
    }
  }
}

async function headsOf(weights: ModelWeights, side: string, state: number): Promise<number> {
  const heads = await weights.wholeNumber(`${side}/num_heads`);
  if (heads === null) throw importError(`model.bin has no ${side}/num_heads.`);
  if (heads > 0 && state % heads === 0) return heads;
  throw importError(`${side}/num_heads in model.bin is ${heads}, which does not divide ${state}.`);
}

function layersOf(weights: ModelWeights, side: string): number {
  let layers = 0;
  while (layers < maxLayers && weights.has(`${side}/layer_${layers}/ffn/layer_norm/gamma`)) layers++;
  if (layers === 0) throw importError(`model.bin has no ${side}/layer_0.`);
  if (layers === maxLayers) throw unsupportedModel(`model.bin has ${maxLayers} layers or more.`);
  return layers;
}
