import { stat } from 'node:fs/promises';
import { CatalogueError } from '../../catalogue/load-catalogue.ts';
import { composeModels } from '../../compose-shelf.ts';
import { composeTranscriber, type Transcriber } from '../../compose-transcriber.ts';
import type { Config } from '../../config/load-config.ts';
import { toGatewayError } from '../../core/errors.ts';
import { newRequestId } from '../../core/ids.ts';
import { silentLog } from '../../core/log.ts';
import { ModelFetchError } from '../../models/fetch-error.ts';
import { render } from '../../rendering/render.ts';
import type { ResponseFormat } from '../../rendering/rendering-ask.ts';
import { exitCode } from '../exit-code.ts';
import { fetchModels } from '../fetch-models.ts';
import { UsageError } from '../usage-error.ts';
import { waitForStop } from '../wait-for-stop.ts';
import { findRecordings, type Recording } from './find-recordings.ts';
import { type OutputPlan, planOutput } from './output-plan.ts';
import { createProgressDisplay, type ProgressDisplay } from './progress-display.ts';

export interface TranscribeOptions {
  readonly format: 'text' | 'json' | 'verbose_json' | 'verbose' | 'srt' | 'vtt';
  readonly out?: string;
  readonly model?: string;
  readonly language?: string;
  readonly wordTimes?: boolean;
  readonly translate?: boolean;
  readonly concurrency?: number;
  readonly quiet?: boolean;
}

/** `transcribe FILE…`: goes on after a failure, says which files failed, and reports it in the exit code. */
export async function transcribeFiles(
  config: Config,
  patterns: readonly string[],
  options: TranscribeOptions,
): Promise<number> {
  const format: ResponseFormat = options.format === 'verbose' ? 'verbose_json' : options.format;
  if (options.wordTimes && format !== 'verbose_json') throw new UsageError('--word-times needs --format verbose_json.');
  if (options.wordTimes && options.translate) throw new UsageError('A translation has no word times.');
  const recordings = await findRecordings(patterns);
  const out = options.out ?? null;
  const output = await planOutput(recordings, format, out, out !== null && (await isFolder(out)));
  const stop = waitForStop(silentLog);
  const transcriber = await openTranscriber(config, stop.signal);
  if (!transcriber) return exitCode.failed;
  const display = await createProgressDisplay(recordings, options.quiet ?? false);
  try {
    const job: Job = { config, options, format, transcriber, output, display, signal: stop.signal };
    const concurrency = options.concurrency ?? config.engine.workers;
    const failures = await runAll(recordings, concurrency, (recording, index) => transcribeOne(job, recording, index));
    if (stop.signal.aborted) return exitCode.interrupted;
    return failures > 0 ? exitCode.failed : exitCode.ok;
  } finally {
    display.end();
    await transcriber.close();
  }
}

interface Job {
  readonly config: Config;
  readonly options: TranscribeOptions;
  readonly format: ResponseFormat;
  readonly transcriber: Transcriber;
  readonly output: OutputPlan;
  readonly display: ProgressDisplay;
  readonly signal: AbortSignal;
}

async function isFolder(path: string): Promise<boolean> {
  if (path.endsWith('/')) return true;
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw thrown;
  }
}

async function openTranscriber(config: Config, signal: AbortSignal): Promise<Transcriber | null> {
  const parts = { config, log: silentLog };
  try {
    const shelf = composeModels(parts);
    await fetchModels(
      shelf,
      shelf.defaultArtifacts.map((artifact) => artifact.id),
      signal,
    );
    const transcriber = await composeTranscriber(parts, shelf);
    // Loading the model belongs to no recording: the speeds that are shown start after it.
    await transcriber.engine.ready();
    return transcriber;
  } catch (thrown) {
    if (thrown instanceof CatalogueError) throw new UsageError(thrown.message);
    if (!(thrown instanceof ModelFetchError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return null;
  }
}

/** Runs `work` on everything, `concurrency` at one time; resolves with how many failed. */
async function runAll(
  recordings: readonly Recording[],
  concurrency: number,
  work: (recording: Recording, index: number) => Promise<boolean>,
): Promise<number> {
  const queue = recordings.entries();
  let failures = 0;
  const runner = async () => {
    for (const [index, recording] of queue) if (!(await work(recording, index))) failures++;
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, recordings.length) }, runner));
  return failures;
}

/** Resolves with whether the transcript was delivered. */
async function transcribeOne(job: Job, recording: Recording, index: number): Promise<boolean> {
  if (job.signal.aborted) return false;
  const { config, options, format, transcriber, output, display } = job;
  const startedAt = performance.now();
  try {
    const task = options.translate ? 'translate' : 'transcribe';
    const wantWords = format === 'srt' || format === 'vtt' || options.wordTimes === true;
    const outcome = await transcriber.transcribe(
      {
        requestId: newRequestId(),
        stored: { path: recording.path, sizeBytes: recording.sizeBytes },
        model: options.model ?? config.defaultModel,
        task,
        language: options.language ?? null,
        prompt: null,
        temperature: null,
        wantWords,
        wantLogprobs: false,
      },
      job.signal,
      (event) => {
        if (event.type === 'progress') display.advanced(index, event.processedMs, event.durationMs);
      },
    );
    const { content } = render(format, {
      transcript: outcome.transcript,
      usage: outcome.usage,
      task,
      askedLanguage: options.language ?? null,
      wantSegments: true,
      wantWords,
      wantLogprobs: false,
      receipt: null,
    });
    await output.deliver(index, content);
    display.finished(index, outcome.probe.durationMs, performance.now() - startedAt);
    return true;
  } catch (thrown) {
    if (job.signal.aborted) return false;
    const error = toGatewayError(thrown);
    const reason = error.code === 'server_error' && error.cause instanceof Error ? error.cause.message : error.message;
    display.failed(index, reason);
    await output.deliver(index, null);
    return false;
  }
}
