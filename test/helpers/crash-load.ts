import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { speech } from './speech.ts';

/** Somebody whose requests are part of the load. */
export interface LoadCaller {
  readonly accountId: string;
  readonly key: string;
}

/** Who is asked, and by whom. */
export interface LoadOptions {
  /** The server's address, whether it is there or not. */
  readonly url: string;
  readonly model: string;
  /** Whose requests are sent once each. */
  readonly callers: readonly LoadCaller[];
  /** Whose requests carry an `Idempotency-Key` and are sent again until they are answered. */
  readonly repeater: LoadCaller;
  /** Requests at one time. */
  readonly width: number;
}

/** A reply whose headers came, whatever became of its body. */
export interface LoadReply {
  readonly accountId: string;
  readonly requestId: string;
  readonly status: number;
  /** `x-flux-cost-usd`; null: not said. */
  readonly costUsd: string | null;
}

/** Everything that callers know about what happened. */
export interface LoadTally {
  /** To requests that were sent once. */
  readonly replies: LoadReply[];
  /** Requests that were sent once and ended without a reply, by account: charged once or not at all. */
  readonly unknown: Map<string, number>;
  /** `Idempotency-Key`s that were sent. */
  repeatedBegun: number;
  /** Of these with a good answer: what each said that it costs. */
  readonly repeatedCostsUsd: string[];
  /** Of these given up after errors of the vendor. */
  repeatedFailed: number;
  /** Good answers that were given again, and those of them that were another one. */
  replayed: number;
  readonly wrongReplays: string[];
}

export interface CrashLoad {
  readonly tally: LoadTally;
  /** Ends when nothing is under way any more: needs a server that answers. */
  finish(): Promise<void>;
  /** Ends, whatever is under way. */
  stop(): Promise<void>;
}

/** What the vendor is told to do, in the prompt. */
export const vendorOrders = ['fail-500', 'fail-400', 'cut'] as const;

const clip = new Uint8Array(readFileSync(speech.path));
/** While there is no server. */
const awayPauseMs = 50;
/** As the SDKs wait at first before they try again. */
const retryPauseMs = 100;
/** Sooner than a caller of this load leaves on purpose. */
const leaveAfterMs = 30;
/** A request that gets nothing for so long is the server's fault. */
const patienceMs = 60_000;

/** Callers who ask without a pause, whether there is a server or not, until they are told to finish. */
export function startCrashLoad(options: LoadOptions): CrashLoad {
  const tally: LoadTally = {
    replies: [],
    unknown: new Map(),
    repeatedBegun: 0,
    repeatedCostsUsd: [],
    repeatedFailed: 0,
    replayed: 0,
    wrongReplays: [],
  };
  let isOver = false;
  const stopped = new AbortController();
  let number = 0;
  const callers = Array.from({ length: options.width }, async () => {
    while (!isOver) {
      const dice = Math.random();
      if (dice < 0.25) await askUntilAnswered(options, tally, `load-${++number}`, stopped.signal);
      else await askOnce(options, tally, dice < 0.4 ? pick(vendorOrders) : 'answer', dice > 0.95);
    }
  });
  return {
    tally,
    async finish() {
      isOver = true;
      await Promise.all(callers);
    },
    async stop() {
      isOver = true;
      stopped.abort();
      await Promise.allSettled(callers);
    },
  };
}

/** One request that is sent once; some callers leave before its answer. */
async function askOnce(
  { url, model, callers }: LoadOptions,
  { replies, unknown }: LoadTally,
  order: string,
  leaves: boolean,
): Promise<void> {
  const { accountId, key } = pick(callers);
  const signal = AbortSignal.timeout(leaves ? Math.ceil(Math.random() * leaveAfterMs) : patienceMs);
  try {
    const { status, headers, body } = await send(url, key, { model, prompt: order }, {}, signal);
    replies.push({
      accountId,
      requestId: headers.get('x-request-id') ?? '',
      status,
      costUsd: headers.get('x-flux-cost-usd'),
    });
    await body?.pipeTo(new WritableStream()).catch(() => undefined);
  } catch (thrown) {
    if (isAway(thrown)) return void (await sleep(awayPauseMs));
    unknown.set(accountId, (unknown.get(accountId) ?? 0) + 1);
  }
}

/** One piece of work that is asked for until it is answered, as SDKs do it; some ask once more afterwards. */
async function askUntilAnswered(
  { url, repeater, model }: LoadOptions,
  tally: LoadTally,
  name: string,
  stopped: AbortSignal,
): Promise<void> {
  const dice = Math.random();
  const order = dice < 0.1 ? pick(['fail-500', 'cut']) : dice < 0.4 ? 'flaky' : 'answer';
  let failures = 0;
  let first: { readonly text: string; readonly cost: string } | null = null;
  tally.repeatedBegun++;
  while (!stopped.aborted) {
    try {
      const signal = AbortSignal.timeout(patienceMs);
      const more = { 'idempotency-key': name };
      const response = await send(url, repeater.key, { model, prompt: order }, more, signal);
      const text = await response.text();
      if (response.status === 200) {
        const answer = { text, cost: response.headers.get('x-flux-cost-usd') ?? '' };
        if (first === null) {
          tally.repeatedCostsUsd.push(answer.cost);
          if (Math.random() < 0.5) return;
          first = answer;
          continue;
        }
        tally.replayed++;
        const isReplay = response.headers.get('idempotent-replayed') === 'true';
        if (!isReplay || answer.text !== first.text || answer.cost !== first.cost) tally.wrongReplays.push(name);
        return;
      }
      // 502 is the vendor's; everything else passes.
      if (response.status === 502 && order !== 'flaky' && ++failures === 3) {
        tally.repeatedFailed++;
        return;
      }
      if (response.status < 500 && response.status !== 409) throw new Error(`${response.status} ${text}`);
      await sleep(retryPauseMs);
    } catch (thrown) {
      if (!(thrown instanceof TypeError)) throw thrown;
      await sleep(awayPauseMs);
    }
  }
}

function send(
  url: string,
  key: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([clip]), 'speech.ogg');
  return fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...headers },
    body: form,
    signal,
  });
}

/** Nothing listens: nothing was sent. */
function isAway(thrown: unknown): boolean {
  return (
    thrown instanceof TypeError &&
    thrown.cause instanceof Error &&
    'code' in thrown.cause &&
    thrown.cause.code === 'ECONNREFUSED'
  );
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)]!;
}
