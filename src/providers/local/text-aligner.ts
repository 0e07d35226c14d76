import type { KnownText, TextAligner } from '../../audio/audio.ts';
import { toGatewayError } from '../../core/errors.ts';
import { whisperLanguageCodes } from '../../core/language.ts';
import type { Engine } from '../../engine/engine.ts';

/** A model that can follow a text that somebody else wrote. */
export interface AligningModel {
  /** Under which the engine knows it. */
  readonly engineId: string;
  /** ISO-639-1 codes; `*` alone means any that Whisper knows. */
  readonly languages: readonly string[];
}

/**
 * Mean natural-log probability of a text's tokens from which a model of one language is believed to follow it. Moonshine
 * gave English texts of the test set -1.8 or more over their own sound (one of three words between laughs: -3.3), texts in
 * eight other languages -2.5 or less (2026-11-21).
 */
const FOLLOWED_LOGPROB = -2.1;

/**
 * Finds word times with the models of the embedded engine. A model of one language follows that language; every other, and
 * a text of unknown language, is followed by one that knows several. Where there is none such, a text of unknown language
 * is tried with a model of one language, which shows whether it can follow. `models` are those that may be used at this
 * moment, preferred ones first.
 */
export function createTextAligner(
  engine: Pick<Engine, 'align' | 'models'>,
  models: () => readonly AligningModel[],
): TextAligner {
  return {
    async align(audio, text, signal) {
      if (text.words.length === 0) return [];
      const able = models().filter((one) => engine.models.includes(one.engineId));
      const known = modelFor(text.language, able);
      const model = known ?? (text.language === null ? able[0] : null);
      if (!model) return null;
      try {
        const words = await alignWith(engine, model, audio, text, signal);
        return known || isFollowed(words) ? placed(words) : null;
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
  };
}

function alignWith(
  engine: Pick<Engine, 'align'>,
  model: AligningModel,
  audio: Parameters<TextAligner['align']>[0],
  { words, language, stretches }: KnownText,
  signal: AbortSignal,
) {
  return engine.align({
    modelId: model.engineId,
    openPcm: () => audio.pcm(signal),
    durationMs: audio.probe.durationMs,
    words,
    language,
    ...(stretches && { stretches }),
    signal,
  });
}

function isFollowed(words: Awaited<ReturnType<Engine['align']>>): boolean {
  const logprobs = words.flatMap((word) => word.tokens.map((token) => token.logprob));
  return logprobs.length > 0 && logprobs.reduce((sum, one) => sum + one, 0) >= FOLLOWED_LOGPROB * logprobs.length;
}

/** null where words stayed without times: then nothing was heard that they could be put to. */
function placed(words: Awaited<ReturnType<Engine['align']>>) {
  const spans = words.flatMap(({ startMs, endMs }) =>
    startMs === null || endMs === null ? [] : [{ startMs, endMs: Math.max(startMs, endMs) }],
  );
  return spans.length === words.length ? spans : null;
}

function modelFor(language: string | null, models: readonly AligningModel[]): AligningModel | null {
  const general = models.find((one) => isGeneral(one) && (language === null || knows(one, language))) ?? null;
  if (language === null) return general;
  return models.find((one) => !isGeneral(one) && knows(one, language)) ?? general;
}

function isGeneral({ languages }: AligningModel): boolean {
  return languages.length > 1 || languages.includes('*');
}

function knows({ languages }: AligningModel, language: string): boolean {
  return languages.includes(language) || (languages.includes('*') && whisperLanguageCodes.includes(language));
}
