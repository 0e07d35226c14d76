/**
 * What the quality gate says of right answers and of spoilt ones, on the speech test set: how many right texts (the
 * references, and what the embedded engine hears) are suspicious at first sight, how many are found faulty in the end, how
 * many spoilt ones get through, and what the first look and the search for speech cost.
 *
 *     npm run bench:judge
 */
import os from 'node:os';
import { join } from 'node:path';
import type { Audio, SpeechSpan } from '../src/audio/audio.ts';
import { silentLog } from '../src/core/log.ts';
import { answerSigns } from '../src/pipeline/quality/answer-doubts.ts';
import { createQualityGate } from '../src/pipeline/quality/quality-gate.ts';
import { createSpeechFinder } from '../src/providers/local/speech-finder.ts';
import { joinTexts } from '../src/transcript/joined-text.ts';
import { readSharedManifest, type SharedClip } from '../test/helpers/shared-manifest.ts';
import { needSharedAudio, openBenchEngine, sharedAudio } from './support/bench-engine.ts';
import { installedNames } from './support/bench-models.ts';
import { spoiltTexts } from './support/spoilt-answers.ts';
import { machineLine } from './support/statistics.ts';

interface RightText {
  readonly from: 'reference' | 'engine';
  readonly text: string;
  readonly clip: SharedClip;
  readonly audio: Audio;
}

/** The engine writes down clips up to this length; of the longer ones the reference must do. */
const ENGINE_UP_TO_MS = 120_000;

needSharedAudio();
const [multilingual] = await installedNames(['local/whisper-base']);
const bench = await openBenchEngine(1);
if (multilingual) {
  const { models } = multilingual.models;
  const vadPath = bench.store.path('silero-vad', 'silero_vad_v5.onnx');
  const english = await installedNames(['local/moonshine-tiny']);
  const all = [...models, ...english.flatMap((one) => one.models.models)];
  bench.engine.changeModels({ vadPath, models: all, duos: [], warm: [] });
}
const { signal } = new AbortController();
const finder = createSpeechFinder(bench.engine);
const found = new Map<Audio, readonly SpeechSpan[]>();
let searchMs = 0;
let searchedMs = 0;
const gate = createQualityGate({
  // Found once for each clip: every text of it is judged over the same speech.
  speech: {
    async find(audio) {
      const known = found.get(audio);
      if (known) return known;
      const before = performance.now();
      const spans = await finder.find(audio, signal);
      searchMs += performance.now() - before;
      searchedMs += audio.probe.durationMs;
      found.set(audio, spans);
      return spans;
    },
  },
  log: silentLog,
});

const right: RightText[] = [];
for (const clip of readSharedManifest()) {
  if (clip.category === 'malformed' || clip.category === 'format') continue;
  const audio = await bench.open(join(sharedAudio, clip.file));
  if (clip.reference !== null) right.push({ from: 'reference', text: clip.reference, clip, audio });
  if (audio.probe.durationMs > ENGINE_UP_TO_MS) continue;
  const heard = await hear(clip, audio);
  if (heard !== null) right.push({ from: 'engine', text: heard, clip, audio });
}

console.log(machineLine(os));
for (const from of ['reference', 'engine'] as const) {
  for (const isSpoken of [true, false]) {
    const texts = right.filter((one) => one.from === from && (one.text !== '') === isSpoken);
    const doubted = texts.filter((one) => signsOf(one).doubts.length > 0);
    const faulty: string[] = [];
    for (const one of texts) {
      const fault = await faultOf(one, one.text);
      if (fault !== null) faulty.push(`${one.clip.file} (${fault})`);
    }
    const kind = isSpoken ? 'with text' : 'without text';
    console.log(
      `${from}, ${kind}: ${texts.length}; suspicious at first sight ${doubted.length}, faulty ${faulty.length}: ${faulty.join(', ')}`,
    );
  }
}

const caught = new Map<string, { all: number; caught: number; missed: string[] }>();
for (const one of right.filter((text) => text.text !== '')) {
  for (const { spoiling, text } of spoiltTexts(one.text)) count(spoiling, one, await faultOf(one, text));
  const other = right.find((text) => text.text.length > 40 && text.clip.language !== one.clip.language);
  if (other?.clip.language) {
    count('another language, not reported', one, await faultOf(one, other.text));
    count('another language, reported', one, await faultOf(one, other.text, other.clip.language));
  }
}
for (const one of right.filter((text) => text.clip.category === 'non-speech' && text.from === 'reference')) {
  for (const text of ['Thank you for watching!', 'ご視聴ありがとうございました', 'You']) {
    count('stock phrase over non-speech', one, await faultOf(one, text));
  }
}
for (const [spoiling, counts] of caught) {
  console.log(`${spoiling}: ${counts.caught} of ${counts.all} caught; missed ${counts.missed.join(', ') || 'none'}`);
}

const before = process.cpuUsage();
const ROUNDS = 200;
const short = right.filter((one) => one.text !== '' && one.audio.probe.durationMs < 60_000);
for (let round = 0; round < ROUNDS; round++) for (const one of short) signsOf(one);
const { user, system } = process.cpuUsage(before);
console.log(`first look: ${((user + system) / ROUNDS / short.length).toFixed(1)} µs of processor time an answer`);
console.log(`search for speech, decoding included: ${(searchedMs / searchMs).toFixed(0)} × real time on one process`);
await bench.close();

function signsOf({ text, clip, audio }: RightText) {
  const ask = { language: clip.language, task: 'transcribe' } as const;
  return answerSigns({ text, language: clip.language, segments: [] }, ask, audio.probe.durationMs);
}

async function faultOf({ clip, audio }: RightText, text: string, reported: string | null = null) {
  const { durationMs } = audio.probe;
  const { fault } = await gate.judge(
    {
      transcript: { text, language: reported, durationMs, segments: [], words: null, tokens: null, unheard: [] },
      usage: { type: 'duration', durationMs },
      unmet: [],
    },
    {
      audio,
      modelId: 'vendor/model',
      task: 'transcribe',
      language: clip.language,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
    },
    signal,
  );
  return fault;
}

function count(spoiling: string, { clip, from }: RightText, fault: string | null): void {
  const counts = caught.get(spoiling) ?? { all: 0, caught: 0, missed: [] };
  counts.all++;
  if (fault === null) counts.missed.push(`${clip.file} by ${from}`);
  else counts.caught++;
  caught.set(spoiling, counts);
}

/** null: no installed model knows the language. */
async function hear(clip: SharedClip, audio: Audio): Promise<string | null> {
  const isEnglish = clip.language === 'en' || clip.language === null;
  if (!isEnglish && !multilingual) return null;
  const texts: string[] = [];
  for await (const window of bench.engine.hear({
    modelId: isEnglish || !multilingual ? 'moonshine-tiny' : multilingual.engineId,
    pcm: audio.pcm(signal),
    durationMs: audio.probe.durationMs,
    wantTimes: false,
    task: 'transcribe',
    language: clip.language,
    signal,
  })) {
    texts.push(
      window.words
        .map((word) => (word.glued ? word.text : ` ${word.text}`))
        .join('')
        .trim(),
    );
  }
  return joinTexts(texts);
}
