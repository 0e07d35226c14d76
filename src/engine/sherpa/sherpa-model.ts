import { GatewayError } from '../../core/errors.ts';
import type { ListenAsk, Listener } from '../listener.ts';
import { type HeardWord, nothingHeard, type RecogniseResult } from '../protocol.ts';
import type { SpeechTask } from '../speech-model.ts';
import { type SileroVad, VAD_FRAME_MS } from '../vad/silero-vad.ts';
import { speechRegions, windowRules } from '../windows/speech-regions.ts';
import { type PlannedWindow, type SpeechRegion, WindowPlanner } from '../windows/window-planner.ts';
import { type CheckedModel, checkModel } from './check-model.ts';
import type { SherpaWorkerModel } from './is-sherpa-model.ts';
import { loadSherpa } from './load-sherpa.ts';
import { NemoDecoder } from './nemo-decoder.ts';
import { SenseVoiceDecoder } from './sense-voice-decoder.ts';
import { LEAST_SAMPLES, type SherpaDecoder } from './sherpa-decoder.ts';
import { placeWordTimes } from './token-word-times.ts';
import { type TokenWord, wordsOfTokens } from './words-of-tokens.ts';
import { ZipformerDecoder } from './zipformer-decoder.ts';

/** Longest piece that is decoded at once. SenseVoice was trained on no more; the memory of all grows with its square. */
const MAX_PIECE_MS = 30_000;
const MAX_PIECE_FRAMES = Math.floor(MAX_PIECE_MS / VAD_FRAME_MS);
/** Speech from this length on that stays without text is reported as unheard, as with the other recognisers. */
const UNHEARD_SPEECH_MS = 1_200;
const SAMPLES_PER_MS = 16;

/** SenseVoice, Parakeet or a streaming Zipformer, run by sherpa-onnx in this process. */
export class SherpaModel implements Listener {
  /** ISO-639-1 codes (`yue` for Cantonese) of what it understands; empty: its files do not tell, and it takes any. */
  readonly languages: readonly string[];
  readonly tasks: readonly SpeechTask[] = ['transcribe'];
  /** sherpa-onnx cannot be made to follow a known text. */
  readonly align = null;
  readonly #id: string;
  readonly #checked: CheckedModel;
  readonly #decoder: SherpaDecoder;
  readonly #vad: Pick<SileroVad, 'probabilities'>;

  private constructor(
    id: string,
    checked: CheckedModel,
    decoder: SherpaDecoder,
    vad: Pick<SileroVad, 'probabilities'>,
  ) {
    this.#id = id;
    this.#checked = checked;
    this.#decoder = decoder;
    this.#vad = vad;
    this.languages = checked.languages;
  }

  /**
   * Checks the folder, loads sherpa-onnx and then the model. Throws GatewayError `no_model_installed` that says what to do
   * when the library is absent or a file is wrong, swapped or cut off: sherpa-onnx itself would end the process.
   */
  static async open(
    model: SherpaWorkerModel,
    vad: Pick<SileroVad, 'probabilities'>,
    threads: number,
  ): Promise<SherpaModel> {
    const checked = await checkModel(model.folder, model.loader);
    return new SherpaModel(model.id, checked, await openDecoder(checked, threads), vad);
  }

  /**
   * What is said in `pcm` (mono, 16 kHz, of any length): nothing is decoded where nobody speaks, and what is longer than
   * 30 s is cut in pauses. `languageHint` is not used: none of these models says how sure it is of a language. Throws
   * GatewayError `unsupported_value` for another task than transcription, `unsupported_language` for a language that is
   * not one of `languages`. When `shouldStop` says so, what was heard until then is returned.
   */
  async recognise(
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult> {
    this.#requireAble(ask);
    const speech = knownSpeech ?? (await this.#vad.probabilities(pcm, null)).values;
    const regions = speechRegions(speech);
    const first = regions[0];
    const last = regions.at(-1);
    if (!first || !last) return { ...nothingHeard, heardBy: [this.#id] };
    const pieces: Piece[] = [];
    for (const window of piecesOf(speech)) {
      if (shouldStop()) break;
      pieces.push(await this.#hear(pcm, window, ask.language, shouldStop));
    }
    const words = pieces.flatMap((piece) => piece.words);
    const speechMs = regions.reduce((sum, one) => sum + one.endFrame - one.startFrame, 0) * VAD_FRAME_MS;
    const span = speech.subarray(first.startFrame, last.endFrame);
    return {
      words: ask.wantTimes ? timed(words, regions, speech, pcm.length / SAMPLES_PER_MS) : words.map(untimed),
      speechMs,
      speechSpan: {
        startMs: first.startFrame * VAD_FRAME_MS,
        endMs: Math.min(pcm.length / SAMPLES_PER_MS, last.endFrame * VAD_FRAME_MS),
      },
      speechProbability: span.reduce((sum, value) => sum + value, 0) / span.length,
      unheard: words.length === 0 && speechMs >= UNHEARD_SPEECH_MS,
      language: ask.language ?? this.#languageOf(pieces),
      languageProbability: null,
      heardBy: [this.#id],
    };
  }

  #requireAble(ask: ListenAsk): void {
    if (!this.tasks.includes(ask.task)) {
      throw new GatewayError('unsupported_value', 'This model writes down what is said; it does not translate.', {
        param: 'task',
      });
    }
    if (ask.language !== null && this.languages.length > 0 && !this.languages.includes(ask.language)) {
      throw new GatewayError(
        'unsupported_language',
        `This model does not know the language '${ask.language}'. It knows: ${this.languages.join(', ')}.`,
        { param: 'language' },
      );
    }
  }

  async #hear(
    pcm: Float32Array,
    window: PlannedWindow,
    language: string | null,
    shouldStop: () => boolean,
  ): Promise<Piece> {
    const startMs = window.startFrame * VAD_FRAME_MS;
    const samples = samplesOf(pcm, startMs, window.endFrame * VAD_FRAME_MS);
    const heard = await this.#decoder.decode(samples, language, shouldStop);
    const words = wordsOfTokens(heard.tokens, this.#checked.vocabulary).map((word) => shifted(word, startMs));
    return { words, language: heard.language };
  }

  /** The only one that it knows, or the one in which most words were found. */
  #languageOf(pieces: readonly Piece[]): string | null {
    const [only, ...others] = this.languages;
    if (only !== undefined && others.length === 0) return only;
    const counts = new Map<string, number>();
    for (const { language, words } of pieces) {
      if (language !== null && this.languages.includes(language)) {
        counts.set(language, (counts.get(language) ?? 0) + words.length);
      }
    }
    return [...counts].sort(([, left], [, right]) => right - left)[0]?.[0] ?? null;
  }
}

/** Words with times from the start of the window that was given. */
interface Piece {
  readonly words: readonly TokenWord[];
  readonly language: string | null;
}

async function openDecoder(checked: CheckedModel, threads: number): Promise<SherpaDecoder> {
  const sherpa = await loadSherpa();
  if (checked.loader === 'sherpa-sense-voice') return SenseVoiceDecoder.open(sherpa, checked, threads);
  if (checked.loader === 'sherpa-nemo-transducer') return NemoDecoder.open(sherpa, checked, threads);
  return ZipformerDecoder.open(sherpa, checked, threads);
}

/** Speech with the pauses inside it, cut only where it is longer than what is decoded at once. */
function piecesOf(speech: Float32Array): PlannedWindow[] {
  const planner = new WindowPlanner({
    ...windowRules,
    maxFrames: MAX_PIECE_FRAMES,
    goodFrames: MAX_PIECE_FRAMES,
    maxGapFrames: MAX_PIECE_FRAMES,
  });
  return [...[...speech].flatMap((probability) => planner.push(probability)), ...planner.finish()];
}

/** A copy that sherpa-onnx can take: long enough, with silence where the recording has ended, every sample finite. */
function samplesOf(pcm: Float32Array, startMs: number, endMs: number): Float32Array {
  const start = startMs * SAMPLES_PER_MS;
  const samples = new Float32Array(Math.max(LEAST_SAMPLES, (endMs - startMs) * SAMPLES_PER_MS));
  const sound = pcm.subarray(start, endMs * SAMPLES_PER_MS);
  for (let index = 0; index < sound.length; index++) {
    const sample = sound[index]!;
    samples[index] = Number.isFinite(sample) ? Math.max(-1, Math.min(1, sample)) : 0;
  }
  return samples;
}

function shifted(word: TokenWord, byMs: number): TokenWord {
  return {
    ...word,
    startMs: word.startMs + byMs,
    lastTokenMs: word.lastTokenMs + byMs,
    endMs: word.endMs === null ? null : word.endMs + byMs,
  };
}

function timed(
  words: readonly TokenWord[],
  regions: readonly SpeechRegion[],
  speech: Float32Array,
  windowMs: number,
): HeardWord[] {
  const times = placeWordTimes(words, regions, speech, windowMs);
  return words.map((word, index) => ({ ...untimed(word), ...times[index]! }));
}

/** No calibration exists for these models, so no confidence is claimed. */
function untimed({ text, glued, tokens }: TokenWord): HeardWord {
  return { text, glued, startMs: null, endMs: null, tokens, confidence: null };
}
