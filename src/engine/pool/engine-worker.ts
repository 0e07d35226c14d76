import { GatewayError } from '../../core/errors.ts';
import type { EngineJob, EngineResults, FromWorker, ToWorker, WorkerSetup } from '../protocol.ts';
import { SileroVad } from '../vad/silero-vad.ts';
import { LoadedModels } from './loaded-models.ts';

/** One engine process: loads the models, then does one job after another. It may die at any time; the pool restarts it. */

interface Loaded {
  readonly vad: SileroVad;
  readonly models: LoadedModels;
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
  const vad = await SileroVad.open(setup.vadPath);
  const models = new LoadedModels(setup, vad);
  await Promise.all(setup.warm.map((id) => models.listener(id)));
  return { vad, models };
}

async function answer(id: number, job: EngineJob): Promise<void> {
  send({ type: 'begun', id });
  try {
    if (cancelled.has(id)) throw new Error('cancelled');
    const result = await work(job, () => cancelled.has(id));
    const growthBytes = process.memoryUsage.rss() - ((await loaded)?.models.residentBytes ?? 0);
    send({ type: 'done', id, result, growthBytes });
  } catch (error) {
    if (error instanceof GatewayError && !cancelled.has(id)) {
      send({ type: 'failed', id, code: error.code, message: error.message });
    } else {
      const code = cancelled.has(id) ? 'client_closed_request' : 'server_error';
      send({ type: 'failed', id, code, message: `The engine failed: ${String(error)}` });
    }
  } finally {
    cancelled.delete(id);
  }
}

async function work(job: EngineJob, shouldStop: () => boolean): Promise<EngineResults[keyof EngineResults]> {
  if (!loaded) throw new Error('a job came before the setup');
  const { vad, models } = await loaded;
  if (job.type === 'detect') {
    const { values, state } = await vad.probabilities(job.pcm, job.state);
    return { speech: values, state };
  }
  const listener = await models.listener(job.modelId);
  if (job.type === 'recognise') return listener.recognise(job.pcm, job.speech, job, shouldStop);
  if (!listener.align) throw new Error('the model cannot follow a text');
  return listener.align(job.pcm, job.speech, job.words, job.language);
}

function send(message: FromWorker): void {
  process.send?.(message);
}
