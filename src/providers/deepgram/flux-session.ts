import { GatewayError } from '../../core/errors.ts';
import { abortFailure } from '../../net/outbound-failure.ts';
import type { OutboundSocket, OutboundSockets } from '../../net/outbound-socket.ts';
import type { Call, ProviderAsk } from '../contract.ts';
import { retryAfterSeconds } from '../support/retry-after.ts';
import { noComplaint, vendorFailure } from '../support/vendor-failure.ts';
import { closeFailure } from './errors.ts';
import { fluxWaitMs } from './flux-pace.ts';
import { createFluxTurns, type FluxTurns } from './flux-turns.ts';
import { pcmFrames } from './pcm-frames.ts';

export interface FluxSessionParts {
  readonly sockets: OutboundSockets;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Language of the answer where the vendor names none. */
  readonly knownLanguage: string | null;
  /** Longest wait for the end of the stream after all sound was sent, in milliseconds. */
  readonly finishTimeoutMs: number;
}

/** Close codes of a stream that ended as it should after `CloseStream`: Flux sends none, which reads as 1005. */
const goodEnds: ReadonlySet<number> = new Set([1000, 1005]);

/**
 * One recording through one Flux socket: the decoded sound in frames, held back by the socket and by what the vendor has
 * heard, then `CloseStream`, then the turns until the vendor closes. (`Finalize` and `KeepAlive` do not exist in `/v2`: an
 * unknown message is fatal there.)
 */
export async function runFluxSession(
  parts: FluxSessionParts,
  ask: ProviderAsk,
  call: Call,
): Promise<ReturnType<FluxTurns['finish']>> {
  const turns = createFluxTurns({
    durationMs: ask.audio.probe.durationMs,
    knownLanguage: parts.knownLanguage,
    wantWords: ask.wantWords,
    onEvent: call.onEvent,
  });
  // Ends the session from within: a bad message, an early end, a stream that does not end.
  const inner = new AbortController();
  const signal = AbortSignal.any([call.signal, inner.signal]);
  const bell = createBell();
  signal.addEventListener('abort', bell.ring);
  const socket = await parts.sockets.open({
    url: parts.url,
    headers: parts.headers,
    signal,
    onText(text) {
      if (signal.aborted) return;
      try {
        turns.accept(text);
      } catch (thrown) {
        inner.abort(thrown);
      }
      bell.ring();
    },
  });
  if (socket.kind === 'refused') {
    throw vendorFailure(socket.status, noComplaint, { secrets: [], retryAfterSeconds: retryAfterSeconds(socket) });
  }
  let finishTimer: NodeJS.Timeout | undefined;
  try {
    await speak(socket, turns, ask, { signal, inner, bell });
    finishTimer = setTimeout(() => inner.abort(tooSlow()), parts.finishTimeoutMs);
    const { code } = await socket.ended;
    signal.throwIfAborted();
    if (!goodEnds.has(code)) throw closeFailure(code);
    return turns.finish();
  } catch (thrown) {
    // What ended the session tells more than what broke because of it.
    if (call.signal.aborted) throw abortFailure(call.signal);
    throw inner.signal.aborted ? inner.signal.reason : thrown;
  } finally {
    clearTimeout(finishTimer);
    socket.destroy();
  }
}

interface Surroundings {
  readonly signal: AbortSignal;
  readonly inner: AbortController;
  readonly bell: Bell;
}

/** Sends everything, and the wish to end. */
async function speak(
  socket: OutboundSocket,
  turns: FluxTurns,
  ask: ProviderAsk,
  { signal, inner, bell }: Surroundings,
): Promise<void> {
  let closing = false;
  void socket.ended.then(({ code }) => {
    if (!closing) inner.abort(closeFailure(code));
  });
  const send = async (frame: string | Uint8Array) => {
    signal.throwIfAborted();
    try {
      await socket.send(frame);
    } catch {
      // The vendor is closing: its close code, known once the connection is gone, says why.
      socket.destroy();
      throw closeFailure((await socket.ended).code);
    }
  };
  const startedAt = performance.now();
  for await (const frame of pcmFrames(ask.audio.pcm(signal))) {
    for (;;) {
      signal.throwIfAborted();
      const waitMs = fluxWaitMs(frame.untilMs, { heardMs: turns.heardMs, sinceStartMs: performance.now() - startedAt });
      if (waitMs === 0) break;
      await bell.wait(waitMs);
    }
    await send(frame.bytes);
  }
  closing = true;
  await send('{"type":"CloseStream"}');
}

interface Bell {
  ring(): void;
  /** Until the bell rings, at most so many milliseconds. */
  wait(longestMs: number): Promise<void>;
}

function createBell(): Bell {
  let wake = () => {};
  return {
    ring: () => wake(),
    wait: (longestMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => wake(), longestMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

function tooSlow(): GatewayError {
  return new GatewayError('timeout', 'The provider did not end the stream in time.', { origin: 'provider' });
}
