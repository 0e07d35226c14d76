import { calibrateWords } from '../confidence/calibrate-words.ts';
import { textConfidence } from '../confidence/text-confidence.ts';
import { speechBetween } from '../hearing/hear-window.ts';
import type { ListenAsk, Listener } from '../listener.ts';
import type { AlignResult, DuoMode, HeardWord, RecogniseResult } from '../protocol.ts';
import type { LanguageGuess, SpeechModel } from '../speech-model.ts';
import { speechRegions } from '../windows/speech-regions.ts';
import { combineWords } from './combine-words.ts';
import { escalationLimits } from './duo-constants.ts';
import { highBandRangeDb } from './high-band-range.ts';
import { isSureAlone } from './is-sure-alone.ts';
import { remembered } from './remembered-model.ts';
import { spokenLanguage } from './spoken-language.ts';

export interface DuoParts {
  readonly english: SpeechModel;
  /** Of many languages, English among them. */
  readonly general: SpeechModel;
  readonly recogniser: WindowHearing;
  readonly mode: DuoMode;
  /** Artifact ids. */
  readonly ids: { readonly english: string; readonly general: string };
}

/** What one model hears in a window, with its second tries and checks; `WindowRecogniser` is one. */
export interface WindowHearing {
  /** Speech probability of each 32 ms frame. */
  speechIn(pcm: Float32Array): Promise<Float32Array>;
  recognise(
    named: { readonly id: string; readonly model: SpeechModel },
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult>;
  align(
    model: SpeechModel,
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    words: readonly string[],
    language: string | null,
  ): Promise<AlignResult>;
}

/**
 * A text of the English model that is less sure than this may be no English at all. In `fast` only then is the language
 * looked into: it costs the general model's encoder, twice the quick model's whole work. Of the nine other languages of
 * the test set, whole and cut to 1, 2 and 4 s, the surest text had 0.59 and the next 0.27 (2026-11-21), so that `auto`,
 * which asks below a higher one, always looks.
 */
const FOREIGN_CONFIDENCE = 0.75;

/** One window of sound and what is wanted of it. */
interface Window {
  readonly pcm: Float32Array;
  readonly speech: Float32Array;
  readonly ask: ListenAsk;
  readonly shouldStop: () => boolean;
}

/**
 * Two models under one name: an English one that is quick, and a general one of many languages. Other languages and
 * translations are the general one's alone. English is heard by the quick one (`fast`), by both where the quick one is
 * unsure (`auto`), or always by both (`accurate`), and then put together word by word.
 */
export class Duo implements Listener {
  readonly #english: SpeechModel;
  readonly #general: SpeechModel;
  readonly #recogniser: WindowHearing;
  readonly #mode: DuoMode;
  readonly #ids: DuoParts['ids'];

  constructor(parts: DuoParts) {
    this.#english = remembered(parts.english);
    this.#general = remembered(parts.general);
    this.#recogniser = parts.recogniser;
    this.#mode = parts.mode;
    this.#ids = parts.ids;
  }

  async recognise(
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult> {
    const speech = knownSpeech ?? (await this.#recogniser.speechIn(pcm));
    const window = { pcm, speech, ask, shouldStop };
    if (speechRegions(speech).length === 0) return this.#byEnglish(window, false);
    if (ask.task === 'translate' || (ask.language !== null && ask.language !== 'en')) {
      return this.#byGeneral(window, null);
    }
    // Where another language was spoken before, the quick model has little to say: find out first.
    const isForeignBefore = ask.language === null && ask.languageHint !== null && ask.languageHint !== 'en';
    if (isForeignBefore) {
      const spoken = await this.#identify(window.pcm, window.speech, window.ask.languageHint);
      if (spoken.language !== 'en') return this.#byGeneral(window, spoken);
      return this.#inEnglish(window, spoken);
    }
    return this.#inEnglish(window, null);
  }

  /** English (named, or found out) is followed by the English model, all else by the general one. */
  readonly align = async (
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    words: readonly string[],
    language: string | null,
  ): Promise<AlignResult> => {
    if (words.length === 0) return { words: [] };
    const speech = knownSpeech ?? (await this.#recogniser.speechIn(pcm));
    const found = language ?? (await this.#identify(pcm, speech, null)).language;
    const model = found === 'en' ? this.#english : this.#general;
    return this.#recogniser.align(model, pcm, speech, words, found);
  };

  /** `spoken`: what is known of the language; null: nothing yet, or the caller said English. */
  async #inEnglish(window: Window, spoken: LanguageGuess | null): Promise<RecogniseResult> {
    const mode = this.#mode;
    const { wantTimes } = window.ask;
    const heard = await this.#byEnglish(window, wantTimes && mode !== 'accurate');
    if (heard.speechSpan === null || window.shouldStop()) return heard;
    const sureness = textConfidence(heard.words.map((word) => word.confidence ?? 0));
    if (mode === 'auto' && isSureAlone(sureness, () => highBandRangeDb(window.pcm), escalationLimits)) return heard;
    if (mode === 'fast') {
      const isDoubtful = sureness < FOREIGN_CONFIDENCE;
      if (window.ask.language !== null || spoken || !isDoubtful) return heard;
    }
    const found =
      spoken ??
      (window.ask.language === null ? await this.#identify(window.pcm, window.speech, window.ask.languageHint) : null);
    if (found && found.language !== 'en') return this.#byGeneral(window, found);
    const languageProbability = found?.probability ?? null;
    if (mode === 'fast') {
      return { ...heard, languageProbability, heardBy: [this.#ids.english, this.#ids.general] };
    }
    return { ...(await this.#byBoth(window, heard)), languageProbability };
  }

  async #byBoth(window: Window, english: RecogniseResult): Promise<RecogniseResult> {
    const { pcm, speech, ask, shouldStop } = window;
    const general = await this.#recogniser.recognise(
      { id: this.#ids.general, model: this.#general },
      pcm,
      speech,
      { ...ask, language: 'en', wantTimes: false },
      shouldStop,
    );
    if (shouldStop()) return english;
    const decodeAsk = { language: 'en', task: 'transcribe' } as const;
    const { words, writer } = await combineWords(
      { model: this.#english, window: await this.#english.encode(pcm), ask: decodeAsk, words: english.words },
      { model: this.#general, window: await this.#general.encode(pcm), ask: decodeAsk, words: general.words },
    );
    const [first, second] = writer === 'general' ? [general, english] : [english, general];
    return {
      ...first,
      words: ask.wantTimes ? await this.#timed(window, words) : words,
      unheard: words.length === 0 && first.unheard && second.unheard,
      language: 'en',
      heardBy: [writer, writer === 'general' ? 'english' : 'general'].map((who) =>
        who === 'general' ? this.#ids.general : this.#ids.english,
      ),
    };
  }

  /** The English model's attention gives the times: it follows words more closely (`npm run bench:align`). */
  async #timed({ pcm, speech }: Window, words: readonly HeardWord[]): Promise<HeardWord[]> {
    const texts = words.map((word) => word.text);
    const times = (await this.#recogniser.align(this.#english, pcm, speech, texts, 'en')).words;
    return words.map((word, index) => ({
      ...word,
      startMs: times[index]?.startMs ?? null,
      endMs: times[index]?.endMs ?? null,
    }));
  }

  async #byEnglish({ pcm, speech, ask, shouldStop }: Window, wantTimes: boolean): Promise<RecogniseResult> {
    const named = { id: this.#ids.english, model: this.#english };
    const asked = { ...ask, language: 'en', wantTimes };
    const heard = await this.#recogniser.recognise(named, pcm, speech, asked, shouldStop);
    return { ...heard, words: calibrateWords(heard.words, 'moonshine') };
  }

  async #byGeneral(window: Window, spoken: LanguageGuess | null): Promise<RecogniseResult> {
    const { pcm, speech, ask, shouldStop } = window;
    const named = { id: this.#ids.general, model: this.#general };
    const asked = spoken ? { ...ask, language: spoken.language } : ask;
    const heard = await this.#recogniser.recognise(named, pcm, speech, asked, shouldStop);
    const languageProbability = spoken?.probability ?? heard.languageProbability;
    return { ...heard, words: calibrateWords(heard.words, 'whisper'), languageProbability };
  }

  async #identify(pcm: Float32Array, speech: Float32Array, hint: string | null): Promise<LanguageGuess> {
    const { maxSamples } = this.#general;
    const guesses = await this.#general.identify(
      await this.#general.encode(pcm.length > maxSamples ? pcm.subarray(0, maxSamples) : pcm),
    );
    return spokenLanguage(guesses, hint, speechBetween(speechRegions(speech), 0, pcm.length / 16));
  }
}
