import { deflateSync } from 'node:zlib';
import { languageName } from '../core/language.ts';
import { languagesOf, type Segment, type Word } from '../transcript/transcript.ts';
import {
  renderLogprob,
  renderProbability,
  renderUsage,
  renderWarnings,
  segmentsOf,
  toSeconds,
} from './common-parts.ts';
import { jsonType, type Rendered, type RenderingAsk } from './rendering-ask.ts';

/**
 * `verbose_json` in OpenAI's whole shape: strict clients refuse a segment that lacks one of the ten keys. `language` is
 * the lower-case English name; where it changes within the recording each segment has its own. `segments` and `words` are there exactly when their granularity was asked for.
 */
export function renderVerboseJson(ask: RenderingAsk): Rendered {
  const { transcript, task } = ask;
  const mixed = task === 'transcribe' && languagesOf(transcript).length > 1;
  const body = {
    task,
    language: spokenLanguage(ask),
    duration: toSeconds(transcript.durationMs),
    text: transcript.text,
    ...(ask.wantSegments && { segments: segmentsOf(transcript).map((one, index) => renderSegment(one, index, mixed)) }),
    ...(ask.wantWords && transcript.words !== null && { words: transcript.words.map(renderWord) }),
    ...(transcript.unheard.length > 0 && { warnings: renderWarnings(transcript.unheard) }),
    usage: renderUsage(ask.usage),
    ...(ask.receipt && { x_flux: ask.receipt }),
  };
  return { mediaType: jsonType, content: JSON.stringify(body) };
}

/** The shape demands a language also where nobody spoke: then what the caller said, or `unknown`, never a guess. */
function spokenLanguage({ transcript, askedLanguage, task }: RenderingAsk): string {
  if (task === 'translate') return 'english';
  const code = transcript.language ?? askedLanguage;
  return code === null ? 'unknown' : languageName(code);
}

function renderSegment(segment: Segment, index: number, withLanguage: boolean) {
  return {
    id: index,
    seek: 0,
    start: toSeconds(segment.startMs),
    end: toSeconds(segment.endMs),
    text: ` ${segment.text}`,
    tokens: segment.tokens,
    temperature: 0,
    avg_logprob: segment.avgLogprob === null ? 0 : renderLogprob(segment.avgLogprob),
    compression_ratio: compressionRatio(segment.text),
    no_speech_prob: renderProbability(segment.noSpeechProbability ?? 0),
    ...(withLanguage && segment.language !== null && { language: languageName(segment.language) }),
    ...(segment.confidence !== null && { confidence: renderProbability(segment.confidence) }),
    ...(segment.speaker !== null && { speaker: segment.speaker }),
  };
}

function renderWord(word: Word) {
  return {
    word: word.text,
    start: toSeconds(word.startMs),
    end: toSeconds(word.endMs),
    ...(word.confidence !== null && { confidence: renderProbability(word.confidence) }),
    ...(word.speaker !== null && { speaker: word.speaker }),
  };
}

/** UTF-8 length over its zlib length, as Whisper measures repetition: text that loops compresses well. Three decimals. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return 1;
  return Math.round((bytes.length / deflateSync(bytes).length) * 1000) / 1000;
}
