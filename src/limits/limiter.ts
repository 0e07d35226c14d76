import { GatewayError } from '../core/errors.ts';
import { capacityOf, unitsPerCount, waitMsFor } from './bucket.ts';
import type { BucketAsk, Counters, CountersAsk, PlaceAsk, Verdict } from './counters.ts';

/** What a key or an account is held to; null is no limit. Rates are whole and above zero; 0 of anything is none at all. */
export interface Bounds {
  readonly requestsPerMinute: number | null;
  readonly audioSecondsPerMinute: number | null;
  /** Requests at one time. */
  readonly maxConcurrent: number | null;
  /** Live sockets at one time. */
  readonly maxLiveStreams: number | null;
}

/** Somebody with limits: a key, and the account that it shares with other keys. Where both have one, both hold. */
export interface LimitedCaller {
  readonly keyId: string;
  readonly key: Bounds;
  /** null: the key belongs to nobody, and its own limits are all. */
  readonly account: { readonly id: string; readonly bounds: Bounds } | null;
}

/** How far a rate is used up, as headers tell it; of a key's and its account's, that of which less is left. */
export interface RateState {
  readonly limit: number;
  /** Whole, rounded down. */
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

export interface LimitState {
  /** null: no limit. */
  readonly requests: RateState | null;
  readonly audioSeconds: RateState | null;
}

/** Leave to go on. */
export interface Permit {
  /** Changes with `takeAudio`. */
  readonly state: LimitState;
  /**
   * Takes the length of the recording, once it is known, or that of the next piece of a live one. A recording that is
   * longer than a minute's allowance needs all of it, and what is over is owed. `refusal` says why it cannot go on.
   */
  takeAudio(durationMs: number): Admission | Promise<Admission>;
  /** Gives the place back; to be called once, whatever happened. */
  release(): void;
}

/** A refusal is GatewayError `rate_limit_exceeded`; its wait is exact for rates, and a second where no place is free. */
export type Admission =
  | { readonly permit: Permit; readonly refusal: null; readonly state: LimitState }
  | { readonly permit: null; readonly refusal: GatewayError; readonly state: LimitState };

export interface Limiter {
  /** Before a byte of the body is read. Answers at once where the limits are counted in memory. */
  admit(caller: LimitedCaller, kind: 'request' | 'live'): Admission | Promise<Admission>;
  close(): Promise<void>;
}

const noState: LimitState = { requests: null, audioSeconds: null };
/** When a place comes free nobody knows: in a second it is worth asking. */
const placeWaitMs = 1_000;

type Rate = 'requests' | 'audioSeconds';
type Whose = 'key' | 'account';

/** An asking, with what each of its parts is. */
interface Plan {
  readonly ask: CountersAsk;
  readonly rates: readonly { readonly rate: Rate; readonly whose: Whose }[];
  readonly holders: readonly Whose[];
}

export function createLimiter(counters: Counters): Limiter {
  function decide(plan: Plan, verdict: Verdict, known: LimitState, permitOf: (state: LimitState) => Permit): Admission {
    const state = { ...known, ...stateOf(plan, verdict) };
    if (!verdict.isAllowed) return { permit: null, refusal: refusalOf(plan, verdict), state };
    return { permit: permitOf(state), refusal: null, state };
  }

  function permitFor(caller: LimitedCaller, verdict: Verdict, first: LimitState): Permit {
    let state = first;
    const permit: Permit = {
      get state() {
        return state;
      },
      takeAudio(durationMs) {
        const plan = planAudio(caller, durationMs);
        if (plan.ask.buckets.length === 0) return { permit, refusal: null, state };
        return whenKnown(counters.take(plan.ask), (taken) => {
          const admission = decide(plan, taken, state, () => permit);
          state = admission.state;
          return admission;
        });
      },
      release: () => verdict.release(),
    };
    return permit;
  }

  return {
    admit(caller, kind) {
      const plan = plannedAdmission(caller, kind);
      const { ask } = plan;
      if (ask.buckets.length === 0 && ask.places.length === 0) return unlimited;
      return whenKnown(counters.take(ask), (verdict) =>
        decide(plan, verdict, noState, (state) => permitFor(caller, verdict, state)),
      );
    },
    close: () => counters.close(),
  };
}

const unlimitedPermit: Permit = {
  state: noState,
  takeAudio: () => unlimited,
  release() {},
};
const unlimited: Admission = { permit: unlimitedPermit, refusal: null, state: noState };

function whenKnown<Known, Result>(
  known: Known | Promise<Known>,
  next: (known: Known) => Result,
): Result | Promise<Result> {
  return known instanceof Promise ? known.then(next) : next(known);
}

function holdersOf({ keyId, key, account }: LimitedCaller): { whose: Whose; id: string; bounds: Bounds }[] {
  const own = { whose: 'key' as const, id: `key:${keyId}`, bounds: key };
  return account ? [own, { whose: 'account' as const, id: `account:${account.id}`, bounds: account.bounds }] : [own];
}

const ownerOf = ({ keyId, account }: LimitedCaller) => account?.id ?? keyId;

/** The same for every request of a caller, for as long as it is the same object. */
const planned = { request: new WeakMap<LimitedCaller, Plan>(), live: new WeakMap<LimitedCaller, Plan>() };

function plannedAdmission(caller: LimitedCaller, kind: 'request' | 'live'): Plan {
  let plan = planned[kind].get(caller);
  if (!plan) {
    plan = planAdmission(caller, kind);
    planned[kind].set(caller, plan);
  }
  return plan;
}

function planAdmission(caller: LimitedCaller, kind: 'request' | 'live'): Plan {
  const buckets: BucketAsk[] = [];
  const rates: { rate: Rate; whose: Whose }[] = [];
  const places: PlaceAsk[] = [];
  const holders: Whose[] = [];
  for (const { whose, id, bounds } of holdersOf(caller)) {
    const { requestsPerMinute, audioSecondsPerMinute } = bounds;
    if (requestsPerMinute !== null) {
      const one = { needUnits: unitsPerCount, costUnits: unitsPerCount };
      buckets.push({ id: `${id}:requests`, perMinute: requestsPerMinute, ...one });
      rates.push({ rate: 'requests', whose });
    }
    // Whoever has no second of audio left need not send any.
    if (audioSecondsPerMinute !== null) {
      const room = { needUnits: unitsPerCount, costUnits: 0 };
      buckets.push({ id: `${id}:audio`, perMinute: audioSecondsPerMinute, ...room });
      rates.push({ rate: 'audioSeconds', whose });
    }
    const max = kind === 'live' ? bounds.maxLiveStreams : bounds.maxConcurrent;
    if (max !== null) {
      places.push({ id: `${id}:${kind}`, max });
      holders.push(whose);
    }
  }
  return { ask: { owner: ownerOf(caller), buckets, places }, rates, holders };
}

function planAudio(caller: LimitedCaller, durationMs: number): Plan {
  const units = Math.ceil(durationMs) * (unitsPerCount / 1000);
  const buckets: BucketAsk[] = [];
  const rates: { rate: Rate; whose: Whose }[] = [];
  for (const { whose, id, bounds } of holdersOf(caller)) {
    if (bounds.audioSecondsPerMinute === null) continue;
    buckets.push({ id: `${id}:audio`, perMinute: bounds.audioSecondsPerMinute, needUnits: units, costUnits: units });
    rates.push({ rate: 'audioSeconds', whose });
  }
  return { ask: { owner: ownerOf(caller), buckets, places: [] }, rates, holders: [] };
}

/** Only the rates that were asked about. */
function stateOf({ ask, rates }: Plan, { levels }: Verdict): Partial<LimitState> {
  const state: { -readonly [Name in Rate]?: RateState } = {};
  for (const [index, { perMinute }] of ask.buckets.entries()) {
    const { rate } = rates[index]!;
    const level = levels[index]!;
    const remaining = Math.max(0, Math.floor((capacityOf(perMinute) - level) / unitsPerCount));
    const known = state[rate];
    if (known && known.remaining <= remaining) continue;
    state[rate] = { limit: perMinute, remaining, resetMs: perMinute > 0 ? Math.ceil(level / perMinute) : 0 };
  }
  return state;
}

const rateWords: Readonly<Record<Rate, string>> = {
  requests: 'requests a minute',
  audioSeconds: 'seconds of audio a minute',
};

/** Names what one has to wait longest for. */
function refusalOf({ ask, rates, holders }: Plan, { levels, taken }: Verdict): GatewayError {
  let waitMs = 0;
  let what = '';
  for (const [index, { max }] of ask.places.entries()) {
    if (taken[index]! < max) continue;
    waitMs = placeWaitMs;
    what = `this ${holders[index]} may have ${max} in progress at one time`;
  }
  for (const [index, { perMinute, needUnits }] of ask.buckets.entries()) {
    const bucketWaitMs = waitMsFor(levels[index]!, needUnits, perMinute);
    if (bucketWaitMs <= waitMs) continue;
    const { rate, whose } = rates[index]!;
    waitMs = bucketWaitMs;
    what = `this ${whose} may use ${perMinute} ${rateWords[rate]}`;
  }
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new GatewayError('rate_limit_exceeded', `Too many requests: ${what}. Try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}
