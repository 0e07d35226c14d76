import type { AlignmentHead } from './decoder-graph.ts';
import type { WhisperDims } from './whisper-dims.ts';
import type { WhisperConfig } from './whisper-folder.ts';
import { startSequence, type WhisperTokens } from './whisper-tokens.ts';

/**
 * The heads that follow the words: those that the folder names and the model has, or else, as CTranslate2 does it, all of
 * the last half of the layers. A distilled model may name heads of its teacher.
 */
export function alignmentHeads(config: WhisperConfig, dims: WhisperDims): readonly AlignmentHead[] {
  const named = (config.alignment_heads ?? []).filter(
    ([layer, head]) => layer >= 0 && layer < dims.decoderLayers && head >= 0 && head < dims.decoderHeads,
  );
  // The decoder hands them out layer by layer.
  if (named.length > 0) return named.sort((left, right) => left[0] - right[0]);
  const firstLayer = Math.floor(dims.decoderLayers / 2);
  return Array.from({ length: dims.decoderLayers - firstLayer }, (_, index) => firstLayer + index).flatMap((layer) =>
    Array.from({ length: dims.decoderHeads }, (_, head): AlignmentHead => [layer, head]),
  );
}

/** What sherpa-onnx (and we) want to know of a Whisper model, in the spelling of its exporter; the encoder holds it. */
export function whisperMetadata(
  name: string,
  dims: WhisperDims,
  tokens: WhisperTokens,
  config: WhisperConfig,
  alignment: readonly AlignmentHead[],
): ReadonlyMap<string, string> {
  const nonSpeech = (config.suppress_ids ?? []).filter((one) => one >= 0 && one < tokens.endOfText);
  const entries: readonly (readonly [string, string | number])[] = [
    ['model_type', `whisper-${name}`],
    // 2: with cross attention.
    ['version', 2],
    ['maintainer', 'OpenAI weights, converted from CTranslate2'],
    ['n_mels', dims.mels],
    ['n_audio_ctx', dims.audioContext],
    ['n_audio_state', dims.state],
    ['n_audio_head', dims.encoderHeads],
    ['n_audio_layer', dims.encoderLayers],
    ['n_vocab', dims.vocabulary],
    ['n_text_ctx', dims.textContext],
    ['n_text_state', dims.state],
    ['n_text_head', dims.decoderHeads],
    ['n_text_layer', dims.decoderLayers],
    ['sot_sequence', startSequence(tokens).join(',')],
    ['all_language_tokens', tokens.languages.map((one) => one.token).join(',')],
    ['all_language_codes', tokens.languages.map((one) => one.code).join(',')],
    ['sot', tokens.startOfTranscript],
    ['sot_index', 0],
    ['eot', tokens.endOfText],
    ['blank_id', tokens.blank],
    ['is_multilingual', tokens.multilingual ? 1 : 0],
    ['no_speech', tokens.noSpeech],
    ['non_speech_tokens', nonSpeech.join(',')],
    ['transcribe', tokens.transcribe],
    ['translate', tokens.translate],
    ['sot_prev', tokens.startOfPrevious],
    ['sot_lm', tokens.startOfLanguageModel],
    ['no_timestamps', tokens.noTimestamps],
    ['n_alignment_heads', alignment.length],
    ['alignment_heads', alignment.map(([layer, head]) => `${layer}:${head}`).join(',')],
  ];
  return new Map(entries.map(([key, value]) => [key, String(value)]));
}
