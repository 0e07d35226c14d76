/**
 * What `flux-voice` is worth with an operator's accurate route: a cheap first pass of the embedded engine, kept where it is
 * sure of itself, and a scripted vendor of a chosen word error rate where it is not. Everything goes through the real
 * pipeline (compose, plan, attempts, the vendor's adapter over HTTP); only the vendor is made up.
 *
 *     npm run bench:auto -- [--vendor-wer 4] [--seed 1] [--categories english-read,telephone] [--long] [--limit 200]
 *
 * It prints word error rates of the first pass, of `flux-voice-accurate` and of `flux-voice` at several thresholds of
 * `routing.keepAboveConfidence`, with the share of the sound that never left the machine; then the same at the threshold of
 * the settings as the pipeline decided it itself.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toWavSamples, wavHeader } from '../src/audio/wav-bytes.ts';
import { composeModels } from '../src/compose-shelf.ts';
import { composeTranscriber, type Transcriber } from '../src/compose-transcriber.ts';
import { loadConfig } from '../src/config/load-config.ts';
import { silentLog } from '../src/core/log.ts';
import { type AccuracyClip, accuracyClips } from './support/accuracy-clips.ts';
import { needSharedAudio } from './support/bench-engine.ts';
import { degradedText } from './support/degraded-text.ts';
import { closeSounds } from './support/duo-clips.ts';
import { type ScriptedVendor, startScriptedVendor } from './support/scripted-vendor.ts';
import { machineLine } from './support/statistics.ts';
import { textErrors } from './support/text-errors.ts';
import { type WordErrors, wordErrorRate } from './support/word-error-rate.ts';

interface Clip {
  readonly id: string;
  readonly category: string;
  readonly language: string;
  readonly reference: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly seconds: number;
  /** What the vendor makes of it. */
  readonly vendorText: string;
}

interface Heard {
  readonly clip: Clip;
  readonly cheap: WordErrors;
  readonly accurate: WordErrors;
  /** Of the first pass; null: it was not kept whatever its confidence. */
  readonly confidence: number | null;
}

const model = 'openai/gpt-4o-transcribe';
const thresholds = [0, 0.8, 0.85, 0.9, 0.92, 0.94, 0.955, 0.965, 0.975, 0.985, 0.99, 1.01];
const planned = { model: 'flux-voice', language: null, task: 'transcribe', durationMs: 10_000 } as const;
const english = ['english-read', 'noisy', 'spontaneous', 'telephone', 'multi-speaker'];

needSharedAudio();
const { values } = parseArgs({
  options: {
    'vendor-wer': { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    categories: { type: 'string' },
    long: { type: 'boolean', default: false },
    limit: { type: 'string' },
  },
});
const share = Number(values['vendor-wer']) / 100;
const folder = await mkdtemp(join(os.tmpdir(), 'bench-auto-'));
const vendor = await startScriptedVendor();
try {
  const clips = await readClips();
  console.log(
    `${machineLine(os)}; ${clips.length} clips, ${minutes(clips)} min, a vendor that errs in ${100 * share} %`,
  );
  const heard = await hearAll(clips);
  for (const language of [true, false]) {
    const some = heard.filter((one) => (one.clip.language === 'en') === language);
    if (some.length > 0) printTable(language ? 'English' : 'other languages, none named', some);
  }
  await printAsDecided(clips);
} finally {
  await vendor.close();
  await closeSounds();
  await rm(folder, { recursive: true });
}

/** The clips as WAV files: those of the long recordings are utterances, which lie in no file of their own. */
async function readClips(): Promise<Clip[]> {
  const wanted = values.categories?.split(',') ?? [...english, 'other-language'];
  const all = (await accuracyClips(!values.long)).filter(
    (one) => one.reference && one.language !== null && (values.long || wanted.includes(one.category)),
  );
  const chosen = all.slice(0, values.limit === undefined ? all.length : Number(values.limit));
  const clips: Clip[] = [];
  for (const [index, one] of chosen.entries()) clips.push(await writeClip(one, index));
  return clips;
}

async function writeClip({ id, category, language, reference, pcm }: AccuracyClip, index: number): Promise<Clip> {
  const sound = await pcm();
  const samples = toWavSamples(sound);
  const path = join(folder, `${index}.wav`);
  await writeFile(path, Buffer.concat([wavHeader(samples.length), samples]));
  return {
    id,
    category,
    language: language ?? 'en',
    reference: reference ?? '',
    path,
    sizeBytes: (await stat(path)).size,
    seconds: sound.length / 16_000,
    vendorText: degradedText(reference ?? '', share, Number(values.seed) + index),
  };
}

/** The server's own wiring, with the vendor as the accurate route. */
async function openTranscriber(keepAboveConfidence: number | null): Promise<Transcriber> {
  const config = loadConfig({
    env: {
      ...process.env,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: vendor.baseUrl,
      FLUXSCRIBE_ROUTING_ACCURATE: model,
      ...(keepAboveConfidence !== null && {
        FLUXSCRIBE_ROUTING_KEEP_ABOVE_CONFIDENCE: String(keepAboveConfidence),
      }),
    },
    workingDir: folder,
  });
  const parts = { config, log: silentLog };
  const transcriber = await composeTranscriber(parts, composeModels(parts));
  await transcriber.engine.ready();
  return transcriber;
}

/** One answer under a name; who gave it, and how sure the first pass was. */
async function ask({ transcribe }: Transcriber, name: string, clip: Clip, on: ScriptedVendor) {
  on.say(clip.vendorText);
  const { transcript, routedModel, attempts } = await transcribe(
    {
      requestId: clip.id,
      stored: { path: clip.path, sizeBytes: clip.sizeBytes },
      model: name,
      task: 'transcribe',
      language: null,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
    },
    new AbortController().signal,
  );
  const opening = attempts.find((one) => one.kind === 'opening');
  return {
    errors: textErrors(clip.language, clip.reference, transcript.text),
    isCheap: routedModel !== model,
    routedModel,
    confidence: opening?.confidence ?? null,
  };
}

/** With a threshold of 0 the first pass is kept wherever it says how sure it is: its text and its confidence are seen. */
async function hearAll(clips: readonly Clip[]): Promise<Heard[]> {
  const transcriber = await openTranscriber(0);
  try {
    console.log(`first pass: ${transcriber.explainRoute(planned).opening?.modelId ?? 'none that can'}`);
    const heard: Heard[] = [];
    for (const clip of clips) {
      const first = await ask(transcriber, 'flux-voice', clip, vendor);
      const accurate = await ask(transcriber, 'flux-voice-accurate', clip, vendor);
      heard.push({
        clip,
        cheap: first.errors,
        accurate: accurate.errors,
        confidence: first.isCheap ? first.confidence : null,
      });
    }
    return heard;
  } finally {
    await transcriber.close();
  }
}

function printTable(title: string, heard: readonly Heard[]): void {
  const accurate = wordErrorRate(heard.map((one) => one.accurate));
  const total = minutes(heard.map((one) => one.clip));
  console.log(`\n${title}: ${heard.length} clips, ${total} min, WER in percent`);
  console.log(
    `first pass ${wordErrorRate(heard.map((one) => one.cheap)).toFixed(2)}, flux-voice-accurate ${accurate.toFixed(2)}`,
  );
  console.log('threshold  flux-voice  over accurate  stayed cheap  WER of what stayed (first pass / vendor)');
  for (const threshold of thresholds) {
    const isKept = ({ confidence }: Heard) => confidence !== null && confidence >= threshold;
    const kept = heard.filter(isKept);
    const auto = wordErrorRate(heard.map((one) => (isKept(one) ? one.cheap : one.accurate)));
    const keptSeconds = kept.reduce((sum, one) => sum + one.clip.seconds, 0);
    const allSeconds = heard.reduce((sum, one) => sum + one.clip.seconds, 0);
    console.log(
      [
        threshold.toFixed(3).padStart(9),
        auto.toFixed(2).padStart(11),
        `${auto - accurate >= 0 ? '+' : ''}${(auto - accurate).toFixed(2)}`.padStart(14),
        `${((100 * keptSeconds) / allSeconds).toFixed(0)} %`.padStart(13),
        `${wordErrorRate(kept.map((one) => one.cheap)).toFixed(2)} / ${wordErrorRate(kept.map((one) => one.accurate)).toFixed(2)}`.padStart(
          14,
        ),
      ].join(' '),
    );
  }
}

/** The decisions of the pipeline itself at the threshold of the settings. */
async function printAsDecided(clips: readonly Clip[]): Promise<void> {
  const transcriber = await openTranscriber(null);
  try {
    const { opening } = transcriber.explainRoute(planned);
    const before = vendor.calls;
    const rows: { clip: Clip; errors: WordErrors; isCheap: boolean }[] = [];
    for (const clip of clips) rows.push({ clip, ...(await ask(transcriber, 'flux-voice', clip, vendor)) });
    for (const language of [true, false]) {
      const some = rows.filter((one) => (one.clip.language === 'en') === language);
      if (some.length === 0) continue;
      const all = some.reduce((sum, one) => sum + one.clip.seconds, 0);
      const cheap = some.filter((one) => one.isCheap).reduce((sum, one) => sum + one.clip.seconds, 0);
      console.log(
        `\nas decided at ${opening?.keepAboveConfidence}, ${language ? 'English' : 'other languages'}: ` +
          `WER ${wordErrorRate(some.map((one) => one.errors)).toFixed(2)}, ${((100 * cheap) / all).toFixed(0)} % stayed cheap`,
      );
    }
    console.log(`${vendor.calls - before} of ${clips.length} recordings reached the vendor`);
  } finally {
    await transcriber.close();
  }
}

function minutes(clips: readonly Clip[]): string {
  return (clips.reduce((sum, one) => sum + one.seconds, 0) / 60).toFixed(1);
}
