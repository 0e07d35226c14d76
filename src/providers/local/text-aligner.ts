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
 * Finds word times with the models of the embedded engine. A model of one language follows that language; every other, and
 * a text of unknown language, is followed by one that knows several. `models` are those that may be used at this moment,
 * preferred ones first.
 */
export function createTextAligner(
  engine: Pick<Engine, 'align' | 'models'>,
  models: () => readonly AligningModel[],
): TextAligner {
  return {
    async align(audio, text, signal) {
      if (text.words.length === 0) return [];
      const model = modelFor(
        text.language,
        models().filter((one) => engine.models.includes(one.engineId)),
      );
      if (!model) return null;
      try {
        return placed(await alignWith(engine, model, audio, text, signal));
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
