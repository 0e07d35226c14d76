import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { Engine, HeardWindow } from '../../engine/engine.ts';
import { type AssembledStretch, assembleStretch } from '../../transcript/heard-words.ts';
import { joinTexts } from '../../transcript/joined-text.ts';
import type { Segment, TokenLogprob, Unheard, Word } from '../../transcript/transcript.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';

/** A catalogue model that the embedded engine can run. */
export interface LocalModel {
  readonly card: ModelCard;
  /** Id of the model or duo under which the engine knows it. */
  readonly engineId: string;
}

/** The embedded engine as a provider: no network, no key. `models` are those that it may have loaded at this moment. */
export function createLocalProvider(engine: Engine, models: () => readonly LocalModel[]): Provider {
  const loaded = () => models().filter((one) => engine.models.includes(one.engineId));
  return {
    id: 'local',
    models: () => loaded().map((one) => one.card),
    async transcribe(ask, call) {
      const model = loaded().find((one) => one.card.id === ask.modelId);
      if (!model) throw new GatewayError('no_model_installed', `The model '${ask.modelId}' is not loaded.`);
      try {
        return await transcribe(engine, model, ask, call);
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
    close: () => engine.close(),
  };
}

async function transcribe(engine: Engine, model: LocalModel, ask: ProviderAsk, call: Call): Promise<ProviderAnswer> {
  const { durationMs } = ask.audio.probe;
  const msByLanguage = new Map<string, number>();
  const segments: Segment[] = [];
  const tokens: TokenLogprob[] = [];
  const unheard: Unheard[] = [];
  // A translation does not follow the sound word by word; its sentences still get their times.
  const giveWords = ask.wantWords && ask.task === 'transcribe';
  let words: Word[] | null = giveWords ? [] : null;
  const windows = engine.hear({
    modelId: model.engineId,
    pcm: ask.audio.pcm(call.signal),
    durationMs,
    wantTimes: ask.wantWords || ask.task === 'translate',
    task: ask.task,
    language: ask.language ?? onlyLanguage(model.card),
    signal: call.signal,
  });
  for await (const window of windows) {
    const part = assemble(window, segments.at(-1)?.endMs ?? 0);
    if (window.unheard && window.speechSpan) unheard.push(window.speechSpan);
    if (words && part.words) words.push(...part.words);
    else if (part.segments.length > 0) words = null;
    tokens.push(...part.tokens);
    segments.push(...part.segments);
    if (window.language && part.segments.length > 0) {
      msByLanguage.set(window.language, (msByLanguage.get(window.language) ?? 0) + window.speechMs);
    }
    tell(call, giveWords ? part : { ...part, words: null }, ask.wantLogprobs);
    call.onEvent?.({ type: 'progress', processedMs: Math.min(durationMs, Math.round(window.endMs)), durationMs });
  }
  call.onEvent?.({ type: 'progress', processedMs: durationMs, durationMs });
  return {
    transcript: {
      text: joinTexts(segments.map((one) => one.text)),
      language: mostSpoken(msByLanguage),
      durationMs,
      segments,
      words,
      tokens: ask.wantLogprobs ? tokens : null,
      unheard,
    },
    usage: { type: 'duration', durationMs },
    unmet: unmetOf(model.card, ask),
  };
}

function assemble(window: HeardWindow, notBeforeMs: number): AssembledStretch {
  return assembleStretch(
    {
      words: window.words,
      startMs: window.speechSpan?.startMs ?? window.startMs,
      endMs: window.speechSpan?.endMs ?? window.endMs,
      speechProbability: window.speechProbability,
      language: window.language,
    },
    notBeforeMs,
  );
}

/** Hands out the segments of a window one by one, each with its own words and tokens. */
function tell(call: Call, part: AssembledStretch, wantLogprobs: boolean): void {
  let word = 0;
  let token = 0;
  for (const [index, segment] of part.segments.entries()) {
    const wordCount = part.wordCounts[index] ?? 0;
    call.onEvent?.({
      type: 'segment-final',
      segment,
      words: part.words?.slice(word, word + wordCount) ?? null,
      tokens: wantLogprobs ? part.tokens.slice(token, token + segment.tokens.length) : null,
    });
    word += wordCount;
    token += segment.tokens.length;
  }
}

function mostSpoken(msByLanguage: ReadonlyMap<string, number>): string | null {
  const [first, ...others] = msByLanguage;
  return first ? others.reduce((most, one) => (one[1] > most[1] ? one : most), first)[0] : null;
}

function onlyLanguage(card: ModelCard): string | null {
  const [language, ...others] = card.languages;
  return language && language !== '*' && others.length === 0 ? language : null;
}

function unmetOf(card: ModelCard, ask: ProviderAsk): Feature[] {
  const unmet: Feature[] = [];
  if (ask.prompt && !card.features.includes('prompt')) unmet.push('prompt');
  // Greedy decoding is temperature 0, so only another temperature is not met.
  if (ask.wantWords && ask.task === 'translate') unmet.push('word-times');
  if (ask.temperature && !card.features.includes('temperature')) unmet.push('temperature');
  return unmet;
}
