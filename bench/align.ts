/**
 * How exact our word times are: the known text of each clip with exact boundaries is aligned to its sound, and starts and
 * ends are compared. First words and words after a silence are shown by themselves: medians hide what fails there.
 * Then the same text as a vendor's bare answer, by way of the gateway's own completion. Beside a Whisper model, sherpa-onnx's own times of the same files: over the words that both it and we, each writing
 * for itself, heard right.
 *
 *     npm run bench:align
 *     npm run bench:align -- --model whisper-base
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import type { Audio } from '../src/audio/audio.ts';
import { silentLog } from '../src/core/log.ts';
import { createCompleteTranscript } from '../src/pipeline/complete-transcript.ts';
import { createSpeechFinder } from '../src/providers/local/speech-finder.ts';
import { createTextAligner } from '../src/providers/local/text-aligner.ts';
import { openBareSherpaWhisper } from './support/bare-sherpa-whisper.ts';
import { MODEL, needSharedAudio, openBenchEngine, sharedAudio } from './support/bench-engine.ts';
import { installedNames } from './support/bench-models.ts';
import { machineLine } from './support/statistics.ts';
import { type MeasuredWord, matchWords, type TrueWord, WordTimeErrors } from './support/word-time-errors.ts';

interface AlignedClip {
  readonly file: string;
  readonly duration_s: number;
  readonly text: string;
  readonly words: readonly TrueWord[];
}

const { values } = parseArgs({ options: { model: { type: 'string', default: MODEL } } });
needSharedAudio();
const [named] = await installedNames([values.model, `local/${values.model}`]);
if (!named) {
  console.error(`${values.model} is not installed; pull it with: npm run fluxscribe -- models pull ${values.model}`);
  process.exit(2);
}
const { clips } = JSON.parse(readFileSync(`${sharedAudio}aligned/aligned.json`, 'utf8')) as { clips: AlignedClip[] };
const bench = await openBenchEngine(1, { models: named.models });
const whisper = named.models.models.find((one) => one.loader === 'whisper');
const sherpa = whisper && openBareSherpaWhisper(whisper.folder);

const aligned = new WordTimeErrors();
const vendorText = new WordTimeErrors();
const estimatedText = new WordTimeErrors();
const ownText = new WordTimeErrors();
const sherpaText = new WordTimeErrors();
const { signal } = new AbortController();
const speech = createSpeechFinder(bench.engine);
const { engineId } = named;
const completeBy = {
  aligned: createCompleteTranscript({
    aligner: createTextAligner(bench.engine, () => [{ engineId, languages: ['en'] }]),
    speech,
    log: silentLog,
  }),
  estimated: createCompleteTranscript({ aligner: { align: async () => null }, speech, log: silentLog }),
};
let wallMs = 0;
for (const clip of clips) {
  const audio = await bench.open(`${sharedAudio}aligned/${clip.file}`);
  const { durationMs } = audio.probe;
  const before = performance.now();
  const words = await bench.engine.align({
    modelId: named.engineId,
    openPcm: () => audio.pcm(signal),
    durationMs,
    words: clip.text.split(/\s+/),
    language: 'en',
    signal,
  });
  wallMs += performance.now() - before;
  aligned.addClip(
    clip.words,
    clip.words.map((_, place) => timed(words[place])),
  );
  for (const [how, errors] of [
    ['aligned', vendorText],
    ['estimated', estimatedText],
  ] as const) {
    const { transcript, derived } = await completeBy[how](bareAnswer(clip.text, durationMs), vendorAsk(audio), signal);
    if (derived.words !== how) throw new Error(`the words of ${clip.file} are not ${how}`);
    errors.addClip(
      clip.words,
      clip.words.map((_, place) => timed(transcript.words?.[place])),
    );
  }
  if (!sherpa) continue;
  const truth = clip.words.map((one) => one.word);
  const heard = [];
  const ask = {
    modelId: named.engineId,
    wantTimes: true,
    task: 'transcribe',
    language: 'en',
    durationMs,
    signal,
  } as const;
  for await (const window of bench.engine.hear({ ...ask, pcm: audio.pcm(signal) })) heard.push(...window.words);
  const own = matchWords(truth, heard).map((word) => timed(word));
  const theirs = matchWords(truth, sherpa(await wholeSound(audio.pcm(signal))));
  ownText.addClip(
    clip.words,
    own.map((word, place) => (theirs[place] ? word : null)),
  );
  sherpaText.addClip(
    clip.words,
    theirs.map((word, place) => (own[place] ? word : null)),
  );
}
await bench.close();

const audioS = clips.reduce((sum, clip) => sum + clip.duration_s, 0);
console.log(machineLine(os));
console.log(`${clips.length} clips, ${audioS.toFixed(0)} s, ${values.model}`);
aligned.print('\nthe known text, aligned');
vendorText.print('\nthe same as a bare answer of a vendor, completed');
estimatedText.print('\nthe same where no model can follow it: shared out over the detected speech');
console.log(`alignment with encoding: ${((audioS * 1000) / wallMs).toFixed(0)} × real time on one process`);
if (sherpa) {
  ownText.print('\nour own text');
  sherpaText.print("\nsherpa-onnx's own text, the same words");
}

function bareAnswer(text: string, durationMs: number) {
  const transcript = { text, language: 'en', durationMs, segments: [], words: null, tokens: null, unheard: [] };
  return { transcript, unmet: [] };
}

function vendorAsk(audio: Audio) {
  return { audio, task: 'transcribe', language: null, wantWords: true } as const;
}

function timed(word: { startMs: number | null; endMs: number | null } | null | undefined): MeasuredWord | null {
  if (!word) return null;
  if (word.startMs === null || word.endMs === null) throw new Error('a word has no times');
  return { startMs: word.startMs, endMs: word.endMs };
}

async function wholeSound(chunks: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const chunk of chunks) parts.push(Float32Array.from(chunk));
  const sound = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    sound.set(part, at);
    at += part.length;
  }
  return sound;
}
