import { Moonshine } from '../moonshine/moonshine.ts';
import type { EngineJob, EngineResults, FromWorker, ToWorker, WorkerSetup } from '../protocol.ts';
import type { SpeechModel } from '../speech-model.ts';
import { SileroVad } from '../vad/silero-vad.ts';
import { WindowRecogniser } from '../window-recogniser.ts';

/** One engine process: loads the models, then does one job after another. It may die at any time; the pool restarts it. */

interface Loaded {
  readonly vad: SileroVad;
  readonly recogniser: WindowRecogniser;
  readonly models: ReadonlyMap<string, SpeechModel>;
}

let loaded: Promise<Loaded> | null = null;
const cancelled = new Set<number>();
let queue: Promise<void> = Promise.resolve();

process.on('message', (message: ToWorker) => {
  if (message.type === 'setup') {
    loaded = load(message.setup);
    loaded.then(
      () => send({ type: 'ready' }),
      (error: unknown) => send({ type: 'setup-failed', message: String(error) }),
    );
  } else if (message.type === 'cancel') {
    cancelled.add(message.id);
  } else {
    queue = queue.then(() => answer(message.id, message.job));
  }
});

// The server is gone: nobody will read an answer.
process.on('disconnect', () => process.exit(0));
// Ctrl-C in a terminal and service managers signal every process of the group; the server alone decides when work ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

async function load(setup: WorkerSetup): Promise<Loaded> {
  const [vad, ...models] = await Promise.all([
    SileroVad.open(setup.vadPath),
    ...setup.models.map(async (model) => [model.id, await Moonshine.open(model.folder, setup.threads)] as const),
  ]);
  // The first run of a session allocates and packs; better here than in somebody's request.
  const warm = new Float32Array(16_000);
  for (const [, model] of models) await model.greedy(await model.encode(warm), () => true);
  return { vad, recogniser: new WindowRecogniser(vad), models: new Map<string, SpeechModel>(models) };
}

async function answer(id: number, job: EngineJob): Promise<void> {
  try {
    if (cancelled.has(id)) throw new Error('cancelled');
    const result = await work(job, () => cancelled.has(id));
    send({ type: 'done', id, result, residentBytes: process.memoryUsage.rss() });
  } catch (error) {
    const code = cancelled.has(id) ? 'client_closed_request' : 'server_error';
    send({ type: 'failed', id, code, message: `The engine failed: ${String(error)}` });
  } finally {
    cancelled.delete(id);
  }
}

async function work(job: EngineJob, shouldStop: () => boolean): Promise<EngineResults[keyof EngineResults]> {
  if (!loaded) throw new Error('a job came before the setup');
  const { vad, recogniser, models } = await loaded;
  if (job.type === 'detect') {
    const { values, state } = await vad.probabilities(job.pcm, job.state);
    return { speech: values, state };
  }
  const model = models.get(job.modelId);
  if (!model) throw new Error('the model is not loaded');
  if (job.type === 'align') return recogniser.align(model, job.pcm, job.speech, job.words);
  return recogniser.recognise(model, job.pcm, job.speech, job.wantTimes, shouldStop);
}

function send(message: FromWorker): void {
  process.send?.(message);
}
