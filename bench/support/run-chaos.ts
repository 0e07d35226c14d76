import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureBytes, wavFile } from '../../test/helpers/audio-files.ts';
import { helloText, longSpeechWav, speech } from '../../test/helpers/speech.ts';
import { type ServerProcess, startServer } from '../../test/helpers/start-server.ts';
import {
  type ChaosClip,
  type ChaosVendor,
  chaosPrompt,
  startFaultyVendor,
  startHealthyVendor,
} from './chaos-vendors.ts';
import { SeededRandom } from './seeded-random.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly count: number;
  /** Requests at one time. */
  readonly concurrency: number;
  /** Whether the next candidate is started beside a slow one. */
  readonly hedge: boolean;
  readonly onProgress?: (done: number) => void;
}

export interface ChaosReport {
  /** Requests for which an answer was waited. */
  readonly asked: number;
  /** Of these with the right text. */
  readonly right: number;
  readonly failures: readonly { readonly number: number; readonly problem: string }[];
  /** Callers who left on purpose. */
  readonly left: number;
  /** Requests for the provider that the key excludes, all to be refused. */
  readonly forbidden: { readonly asked: number; readonly refused: number };
  /** Replies whose price is not that of their recording, once. */
  readonly wronglyBilled: number;
  /** Seconds of audio that the server counted, and that it should have. */
  readonly countedSeconds: number;
  readonly expectedSeconds: number;
  /** Requests that reached the excluded provider. */
  readonly excludedCalls: number;
  readonly latenciesMs: readonly number[];
  /** Attempts that a request took → how many requests. */
  readonly attempts: ReadonlyMap<number, number>;
  /** Vendor → what it did → how often. */
  readonly vendors: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const key = 'sk-chaos-of-one-key';
const alias = 'chaos';
const perMinuteUsd = '0.60';
const usdPerSecond = 0.01;
const order = ['flaky-one', 'flaky-two', 'healthy'];

/** Three sentences of speech, another voice twice, and two seconds in which nobody speaks. */
function clips(): readonly ChaosClip[] {
  const twice = longSpeechWav(8);
  const silence = wavFile({ formatTag: 1, bits: 16 }, new Uint8Array(64_000));
  return [
    {
      name: 'speech.ogg',
      bytes: new Uint8Array(fixtureBytes('made-speech.ogg')),
      text: speech.text,
      seconds: speech.seconds,
    },
    { name: 'twice.wav', bytes: new Uint8Array(twice), text: `${helloText} ${helloText}`, seconds: 8 },
    { name: 'silence.wav', bytes: new Uint8Array(silence), text: '', seconds: 2 },
  ];
}

/** A server with two faulty vendors, a healthy one after them, and a healthy one that the key excludes. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, count } = options;
  const known = clips();
  const vendors = new Map<string, ChaosVendor>([
    ['flaky-one', await startFaultyVendor('flaky-one', seed, known)],
    ['flaky-two', await startFaultyVendor('flaky-two', seed, known)],
    ['healthy', await startHealthyVendor(known)],
    ['excluded', await startHealthyVendor(known)],
  ]);
  const server = await startChaosServer(vendors, options);
  try {
    const tally = new Tally();
    const random = new SeededRandom(seed);
    const plans = Array.from({ length: count }, (_, number) => planRequest(number, random, known));
    let next = 0;
    const work = async () => {
      for (let plan = plans[next++]; plan; plan = plans[next++]) {
        await sendOne(server, plan, tally);
        tally.done++;
        options.onProgress?.(tally.done);
      }
    };
    await Promise.all(Array.from({ length: options.concurrency }, work));
    await server.idle(60_000);
    return {
      ...tally.report(),
      countedSeconds: await server.metric('fluxscribe_audio_seconds_total'),
      excludedCalls: vendors.get('excluded')!.vendor.requests.length,
      vendors: new Map([...vendors].map(([name, { done }]) => [name, done])),
    };
  } finally {
    await server.stop();
    await Promise.all([...vendors.values()].map(({ vendor }) => vendor.close()));
  }
}

async function startChaosServer(vendors: ReadonlyMap<string, ChaosVendor>, { hedge }: ChaosOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-chaos-'));
  const providers = [...vendors].map(([id, { vendor }]) => ({
    id,
    kind: 'openai-like',
    baseUrl: `${vendor.url}/v1`,
  }));
  const price = `price: { per_minute_usd: "${perMinuteUsd}" }`;
  const models = providers.map(
    ({ id }) =>
      `  - { id: ${id}/whisper-1, name: ${id}, features: [transcribe, segment-times, prompt, temperature], languages: ["*"],` +
      ` ${price}, upstream: { provider: ${id}, name: whisper-1 } }\n`,
  );
  const catalogueFile = join(folder, 'own.yaml');
  await writeFile(
    catalogueFile,
    `models:\n${models.join('')}aliases:\n  - { id: ${alias}, name: Chaos, ${price}, models: [${order.map((id) => `${id}/whisper-1`).join(', ')}] }\n`,
  );
  const record = {
    id: 'key_chaos',
    sha256: createHash('sha256').update(key).digest('hex'),
    scopes: ['transcribe'],
    createdAt: '2026-01-01T00:00:00.000Z',
    allowedModels: [alias],
  };
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys: [record] }), { mode: 0o600 });
  return await startServer({
    FLUXSCRIBE_DATA: folder,
    FLUXSCRIBE_ADMIN_KEY: '',
    FLUXSCRIBE_CATALOGUE_FILE: catalogueFile,
    FLUXSCRIBE_PROVIDERS: JSON.stringify(providers),
    FLUXSCRIBE_LOG_LEVEL: 'warn',
    // Callers who left leave connections behind on which nothing was ever asked; nobody needs to wait for these.
    FLUXSCRIBE_SHUTDOWN_GRACE_SECONDS: '1',
    // A run shall see many attempts and not wait: patience is short, and breakers try again soon.
    FLUXSCRIBE_ROUTING_ATTEMPT_BASE_SECONDS: '1',
    FLUXSCRIBE_ROUTING_ATTEMPT_SECONDS_PER_AUDIO_SECOND: '0',
    FLUXSCRIBE_ROUTING_RETRY_WAIT_SECONDS: '1',
    FLUXSCRIBE_ROUTING_BREAKER_FAILURES: '100',
    FLUXSCRIBE_ROUTING_BREAKER_OPEN_SECONDS: '0.2',
    FLUXSCRIBE_ROUTING_BREAKER_MAX_OPEN_SECONDS: '0.5',
    FLUXSCRIBE_ROUTING_HEDGE: String(hedge),
    FLUXSCRIBE_ROUTING_HEDGE_AFTER_SECONDS: '0.2',
    FLUXSCRIBE_ROUTING_HEDGE_SECONDS_PER_AUDIO_SECOND: '0',
  });
}

interface RequestPlan {
  readonly number: number;
  readonly clip: ChaosClip;
  readonly what: 'ask' | 'stream' | 'leave' | 'forbidden';
  /** Of a caller who leaves. */
  readonly patienceMs: number;
}

function planRequest(number: number, random: SeededRandom, known: readonly ChaosClip[]): RequestPlan {
  const draw = random.below(100);
  const what = draw < 3 ? 'leave' : draw < 5 ? 'forbidden' : draw < 20 ? 'stream' : 'ask';
  return { number, clip: random.pick(known), what, patienceMs: random.between(1, 400) };
}

async function sendOne(server: ServerProcess, plan: RequestPlan, tally: Tally): Promise<void> {
  const { number, clip, what } = plan;
  const form = new FormData();
  form.append('file', new Blob([clip.bytes]), clip.name);
  form.append('model', what === 'forbidden' ? 'excluded/whisper-1' : alias);
  form.append('prompt', chaosPrompt(number));
  if (what === 'stream') form.append('stream', 'true');
  const startedAt = performance.now();
  let response: Response;
  let body: string;
  try {
    response = await fetch(`${server.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: form,
      ...(what === 'leave' && { signal: AbortSignal.timeout(plan.patienceMs) }),
    });
    body = await response.text();
  } catch (thrown) {
    if (what === 'leave') tally.left++;
    else tally.failed(plan, `no answer: ${String(thrown)}`);
    return;
  }
  const latencyMs = performance.now() - startedAt;
  if (what === 'forbidden') tally.forbidden(response.status);
  else tally.answered(plan, response, body, latencyMs);
}

/** What a reply says, in the body of a stream or in its headers. */
interface Reading {
  readonly text: string | null;
  readonly costUsd: string | null;
  readonly fallback: number;
}

function read(response: Response, body: string): Reading {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const events = isStream ? body.split('\n\n').filter((one) => one.startsWith('data: {')) : [body];
  const last = events.map((one) => one.replace(/^data: /, '')).at(-1) ?? '';
  const reply: unknown = JSON.parse(last);
  const [text, receipt] = [member(reply, 'text'), member(reply, 'x_flux')];
  const [cost, inBody] = [member(receipt, 'cost_usd'), member(receipt, 'fallback')];
  const inHeader = response.headers.get('x-flux-fallback');
  return {
    text: typeof text === 'string' ? text : null,
    costUsd: response.headers.get('x-flux-cost-usd') ?? (typeof cost === 'string' ? cost : null),
    fallback: Array.isArray(inBody) ? inBody.length : (inHeader?.split(',').length ?? 1),
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : null;
}

class Tally {
  done = 0;
  left = 0;
  #asked = 0;
  #right = 0;
  #wronglyBilled = 0;
  #expectedSeconds = 0;
  #forbidden = { asked: 0, refused: 0 };
  readonly #failures: { number: number; problem: string }[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #attempts = new Map<number, number>();

  failed({ number }: RequestPlan, problem: string): void {
    this.#asked++;
    this.#failures.push({ number, problem });
  }

  forbidden(status: number): void {
    this.#forbidden.asked++;
    if (status === 403) this.#forbidden.refused++;
  }

  answered(plan: RequestPlan, response: Response, body: string, latencyMs: number): void {
    const { text, costUsd, fallback } = read(response, body);
    if (response.status !== 200 || text === null) {
      this.failed(plan, `${response.status} ${body.slice(0, 200)}`);
      return;
    }
    this.#expectedSeconds += plan.clip.seconds;
    // Lengths are known to a hundredth of a second; twice the price is far off.
    const isPriceRight = Math.abs(Number(costUsd ?? 'none') / (usdPerSecond * plan.clip.seconds) - 1) < 0.01;
    if (!isPriceRight) this.#wronglyBilled++;
    this.#attempts.set(fallback, (this.#attempts.get(fallback) ?? 0) + 1);
    if (text !== plan.clip.text) {
      const path = response.headers.get('x-flux-fallback') ?? response.headers.get('x-flux-routed-model');
      this.failed(plan, `another text for ${plan.clip.name}: '${text.slice(0, 60)}' (${path})`);
      return;
    }
    this.#asked++;
    this.#right++;
    this.#latenciesMs.push(latencyMs);
  }

  report(): Omit<ChaosReport, 'countedSeconds' | 'excludedCalls' | 'vendors'> {
    return {
      asked: this.#asked,
      right: this.#right,
      failures: this.#failures,
      left: this.left,
      forbidden: this.#forbidden,
      wronglyBilled: this.#wronglyBilled,
      expectedSeconds: this.#expectedSeconds,
      latenciesMs: this.#latenciesMs,
      attempts: this.#attempts,
    };
  }
}

/** What a chaos run must keep, each broken promise as a sentence. */
export function brokenPromises(report: ChaosReport): readonly string[] {
  const share = report.right / report.asked;
  // A caller who left may have had his answer a moment before: he is counted, too.
  const mostSeconds = report.expectedSeconds + report.left * 8 + 0.1;
  const isCountedOnce = report.countedSeconds >= report.expectedSeconds - 0.1 && report.countedSeconds <= mostSeconds;
  return [
    ...(share >= 0.999 ? [] : [`only ${(100 * share).toFixed(2)} % were answered rightly`]),
    ...(report.wronglyBilled === 0 ? [] : [`${report.wronglyBilled} replies have a wrong price`]),
    ...(isCountedOnce ? [] : [`${report.countedSeconds} s were counted for ${report.expectedSeconds} s of answers`]),
    ...(report.excludedCalls === 0 ? [] : [`the excluded provider was asked ${report.excludedCalls} times`]),
    ...(report.forbidden.refused === report.forbidden.asked
      ? []
      : ['a request for the excluded provider was not refused']),
  ];
}
