import type { Provider } from '../providers/contract.ts';
import type { BreakerPass, BreakerReading, Breakers } from './breakers.ts';

/** One address of a provider, entered for one call. */
export interface EnteredBox {
  readonly provider: Provider;
  readonly pass: BreakerPass;
  /** It asked for a pause. */
  rest(forMs: number): void;
  /** The call is over. */
  leave(): void;
}

export interface ProviderBoxes {
  /**
   * The less busy of two that were chosen by chance, out of those that are not in `without` and whose breaker lets the
   * call through; null: there is none.
   */
  enter(modelId: string, without: ReadonlySet<Provider>): EnteredBox | null;
  /** Open only when every box is. */
  stateOf(modelId: string): BreakerReading;
}

/**
 * The boxes that serve one provider. Two by chance, then the less busy: nearly as even as asking for the least busy of
 * all, without all replicas of ours storming the same idle box at once.
 */
export function createProviderBoxes(
  providerId: string,
  boxes: readonly Provider[],
  parts: { readonly breakers: Breakers /** 0 up to, not including, 1. */; readonly dice: () => number },
): ProviderBoxes {
  const { breakers, dice } = parts;
  const inFlight = boxes.map(() => 0);
  // A single box is the provider: its breaker is the provider's own.
  const nameOf = (index: number) => `${providerId}#${index + 1}`;
  const readingOf = (index: number, modelId: string) =>
    boxes.length === 1 ? closed : breakers.stateOf(nameOf(index), modelId);

  function lessBusyOfTwo(free: readonly number[]): number | null {
    if (free.length === 0) return null;
    const one = Math.floor(dice() * free.length);
    const first = free[one]!;
    if (free.length === 1) return first;
    const others = free.toSpliced(one, 1);
    const second = others[Math.floor(dice() * others.length)]!;
    return inFlight[second]! < inFlight[first]! ? second : first;
  }

  return {
    enter(modelId, without) {
      const free = boxes.flatMap((box, index) =>
        without.has(box) || readingOf(index, modelId).state === 'open' ? [] : [index],
      );
      const index = lessBusyOfTwo(free);
      if (index === null) return null;
      const pass = boxes.length === 1 ? freePass : breakers.enter(nameOf(index), modelId);
      if (!pass) return null;
      inFlight[index]!++;
      return {
        provider: boxes[index]!,
        pass,
        rest: (forMs) => breakers.rest(boxes.length === 1 ? providerId : nameOf(index), modelId, forMs),
        leave() {
          inFlight[index]!--;
        },
      };
    },
    stateOf(modelId) {
      const readings = boxes.map((_, index) => readingOf(index, modelId));
      const better = readings.find((one) => one.state === 'closed') ?? readings.find((one) => one.state === 'probing');
      return better ?? { state: 'open', retryAfterMs: Math.min(...readings.map((one) => one.retryAfterMs)) };
    },
  };
}

const closed: BreakerReading = { state: 'closed', retryAfterMs: 0 };
const freePass: BreakerPass = { isProbe: false, settle() {} };
