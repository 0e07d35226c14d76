import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Audio, PCM_RATE, type SpeechFinder, type SpeechSpan } from '../../audio/audio.ts';
import { openTempFolder } from '../../audio/temp-folder.ts';
import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { Call, ProviderAnswer, ProviderAsk } from '../../providers/contract.ts';
import type { PiecesOptions } from '../../routing/attempts-parts.ts';
import { PiecesError } from '../../routing/pieces-error.ts';
import type { PieceLimits } from '../../routing/plan.ts';
import type { TranscriptEvent } from '../../transcript/transcript.ts';
import { createTranscribeInPieces } from './transcribe-in-pieces.ts';

/** Ten minutes in which somebody speaks for 8 of every 10 s. Each sample tells the second that it lies in. */
const durationMs = 600_000;
const speech = Array.from({ length: 60 }, (_, index) => ({
  startMs: index * 10_000 + 1000,
  endMs: index * 10_000 + 9000,
}));

const recording: Audio = {
  stored: { path: '', sizeBytes: 5_000_000 },
  probe: {
    container: 'mp3',
    codec: 'mp3',
    sampleRate: 44_100,
    channels: 2,
    durationMs,
    headerDurationMs: null,
    canonicalFileName: 'audio.mp3',
    mediaType: 'audio/mpeg',
  },
  async *pcm(signal) {
    for (let second = 0; second < durationMs / 1000; second++) {
      if (signal.aborted) throw new GatewayError('client_closed_request', 'gone');
      yield new Float32Array(PCM_RATE).fill(second / 1000);
    }
  },
};

const wanted: ProviderAsk = {
  audio: recording,
  modelId: 'vendor/model',
  task: 'transcribe',
  language: null,
  prompt: 'Tickets.',
  temperature: null,
  wantWords: true,
  wantLogprobs: false,
};

/** The second of the recording in which a piece begins. */
async function firstSecondOf(audio: Audio): Promise<number> {
  for await (const chunk of audio.pcm(new AbortController().signal)) return Math.round(chunk[0]! * 1000);
  return -1;
}

/** A vendor that hears one word a second: the number of that second. */
async function hear(ask: ProviderAsk): Promise<ProviderAnswer> {
  const first = await firstSecondOf(ask.audio);
  const seconds = Math.floor(ask.audio.probe.durationMs / 1000);
  const words = Array.from({ length: seconds }, (_, index) => ({
    text: `${first + index}`,
    startMs: index * 1000,
    endMs: index * 1000 + 900,
    speaker: null,
    confidence: null,
  }));
  const text = words.map((one) => one.text).join(' ');
  const segment = { text, startMs: 0, endMs: seconds * 1000, speaker: null, confidence: null, language: null };
  return {
    transcript: {
      text,
      language: 'en',
      durationMs: ask.audio.probe.durationMs,
      segments: [{ ...segment, avgLogprob: null, noSpeechProbability: null, tokens: [] }],
      words,
      tokens: null,
      unheard: [],
    },
    usage: { type: 'duration', durationMs: ask.audio.probe.durationMs },
    unmet: [],
  };
}

/** Listens to whatever stretch it is given, and knows from the sound where that lies in the recording. */
function findIn(spans: readonly SpeechSpan[]): SpeechFinder['find'] {
  return async (audio, signal) => {
    let fromMs = -1;
    let toMs = 0;
    for await (const chunk of audio.pcm(signal)) {
      if (fromMs < 0) fromMs = Math.round(chunk[0]! * 1000) * 1000;
      toMs = Math.round(chunk.at(-1)! * 1000) * 1000 + 1000;
    }
    return spans
      .filter((span) => span.endMs > fromMs && span.startMs < toMs)
      .map((span) => ({
        startMs: Math.max(span.startMs, fromMs) - fromMs,
        endMs: Math.min(span.endMs, toMs) - fromMs,
      }));
  };
}

interface SetUp {
  readonly speech?: readonly SpeechSpan[];
  readonly limits?: Partial<PieceLimits>;
  readonly options?: PiecesOptions;
  readonly find?: () => Promise<readonly SpeechSpan[]>;
  readonly more?: Partial<Call>;
}

/** Runs the recording through a scripted vendor; notes what it was sent, and how much lay on the disk. */
async function run(
  context: TestContext,
  callOne: typeof hear | ((ask: ProviderAsk, call: Call) => Promise<ProviderAnswer>),
  given: SetUp = {},
) {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-pieces-'));
  const folder = await openTempFolder({ tempDir, minFreeDiskBytes: 0, log: silentLog });
  context.after(() => rm(tempDir, { recursive: true, force: true }));
  const fileCount = async () =>
    (await readdir(tempDir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
  const noted = {
    sent: [] as ProviderAsk[],
    running: 0,
    mostRunning: 0,
    mostFiles: 0,
    events: [] as TranscriptEvent[],
  };
  const inPieces = createTranscribeInPieces({
    speechFinder: { find: given.find ?? findIn(given.speech ?? speech) },
    tempFolder: async () => folder,
    maxPieceMs: 900_000,
  });
  const result = await inPieces(
    async (ask, call) => {
      noted.sent.push(ask);
      noted.mostRunning = Math.max(noted.mostRunning, ++noted.running);
      try {
        return await callOne(ask, call);
      } finally {
        noted.mostFiles = Math.max(noted.mostFiles, await fileCount());
        noted.running--;
      }
    },
    { maxDurationMs: 60_000, maxUploadBytes: null, maxParallelCalls: 3, ...given.limits },
    wanted,
    {
      signal: new AbortController().signal,
      log: silentLog,
      onEvent: (event) => noted.events.push(event),
      ...given.more,
    },
    given.options,
  ).then(
    (answer) => ({ answer, error: null }),
    (error: unknown) => ({ answer: null, error }),
  );
  assert.equal(await fileCount(), 0, 'a piece was left on the disk');
  assert.equal(noted.running, 0, 'a call was left running');
  return { ...result, ...noted };
}

/** Fails for the pieces that hold one of these seconds, as often as said. */
function failingAt(seconds: readonly number[], code: ErrorCode = 'bad_gateway') {
  return async (ask: ProviderAsk) => {
    const first = await firstSecondOf(ask.audio);
    const last = first + ask.audio.probe.durationMs / 1000;
    if (seconds.some((second) => second >= first && second < last)) throw new GatewayError(code, 'refused');
    return hear(ask);
  };
}

describe('createTranscribeInPieces', () => {
  it('gives text, words and events of the whole recording in order, with times of the whole', async (context) => {
    // Every call waits until two more are under way, so that the vendor's limit is met; every other takes longer.
    let started = 0;
    let isLast = false;
    const uneven = async (ask: ProviderAsk) => {
      const index = started++;
      const answer = await hear(ask);
      isLast ||= answer.transcript.text.endsWith('599');
      for (let turns = index % 2 === 0 ? 40 : 0; turns > 0 || (started < index + 3 && !isLast); turns--) {
        await new Promise(setImmediate);
      }
      return answer;
    };
    const { answer, events, sent, mostRunning, mostFiles } = await run(context, uneven);
    const words = answer?.transcript.words ?? [];
    assert.ok(words.length >= 480);
    for (const word of words) {
      const spokenMs = Number(word.text) * 1000;
      assert.ok(Math.abs(word.startMs - spokenMs) <= 1000, `${word.text} at ${word.startMs}`);
    }
    const numbers = answer?.transcript.text.split(' ').map(Number) ?? [];
    assert.ok(numbers.every((one, index) => index === 0 || one > numbers[index - 1]!));
    assert.ok(sent.length >= 10);
    assert.ok(sent.every((ask) => ask.audio.probe.durationMs <= 60_000 && ask.prompt === 'Tickets.'));
    assert.equal(mostRunning, 3);
    assert.ok(mostFiles <= 4);
    const told = events.filter((event) => event.type === 'segment-final');
    assert.equal(told.map((event) => event.segment.text).join(' '), answer?.transcript.text);
    assert.equal(told.flatMap((event) => event.words ?? []).length, words.length);
    const progress = events.filter((event) => event.type === 'progress').map((event) => event.processedMs);
    assert.ok(progress.every((one, index) => index === 0 || one >= progress[index - 1]!));
    assert.equal(progress.at(-1), durationMs);
    assert.deepEqual(answer?.usage, { type: 'duration', durationMs });
    assert.equal(answer?.transcript.language, 'en');
  });

  it('keeps each file below the ceiling on uploads, the form around it included', async (context) => {
    const maxUploadBytes = 400_000;
    const { answer, sent } = await run(context, hear, { limits: { maxDurationMs: null, maxUploadBytes } });
    assert.ok(answer);
    assert.ok(sent.length > 40);
    assert.ok(sent.every((ask) => ask.audio.stored.sizeBytes <= maxUploadBytes - 8192));
  });

  it('asks nobody about a recording in which nobody speaks', async (context) => {
    const { answer, sent } = await run(context, hear, { speech: [] });
    assert.equal(sent.length, 0);
    assert.equal(answer?.transcript.text, '');
    assert.deepEqual(answer?.transcript.words, []);
    assert.deepEqual(answer?.usage, { type: 'duration', durationMs });
  });

  it('sends no silence between two stretches of speech', async (context) => {
    const far = [speech[0]!, speech[59]!];
    const { sent } = await run(context, hear, { speech: far });
    assert.equal(sent.length, 2);
    assert.ok(sent.every((ask) => ask.audio.probe.durationMs <= 10_000));
  });

  it('stops all other calls when a piece fails for good, and hands over what was heard', async (context) => {
    let cut = 0;
    let isLaterSent = false;
    const refuses = failingAt([150]);
    const slow = async (ask: ProviderAsk, { signal }: Call) => {
      const first = await firstSecondOf(ask.audio);
      if (first < 150) return hear(ask);
      if (first < 160) {
        while (!isLaterSent) await new Promise(setImmediate);
        return refuses(ask);
      }
      isLaterSent = true;
      return new Promise<ProviderAnswer>((_resolve, reject) => {
        const leave = () => {
          cut++;
          reject(new GatewayError('client_closed_request', 'cut'));
        };
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave);
      });
    };
    const { error, sent } = await run(context, slow);
    assert.ok(error instanceof PiecesError);
    assert.equal(error.code, 'bad_gateway');
    assert.ok(cut >= 1 && sent.length <= 6);
    assert.ok(error.partial?.transcript.text.startsWith('0 1 2'));
    // Nobody has looked at the end yet: that it is silent is not known.
    assert.equal(error.partial?.transcript.unheard.at(-1)?.endMs, durationMs);
  });

  it('goes on after a failure where that is wanted, and says what was not heard', async (context) => {
    const { error, events } = await run(context, failingAt([150]), { options: { keepGoing: () => true } });
    assert.ok(error instanceof PiecesError && error.partial);
    const { text, unheard } = error.partial.transcript;
    assert.match(text, /^0 1 2 .* 599$/);
    assert.equal(unheard.length, 1);
    assert.ok(unheard[0]!.startMs <= 151_000 && unheard[0]!.endMs >= 159_000);
    const told = events.flatMap((event) => (event.type === 'segment-final' ? [event.segment.text] : []));
    assert.equal(told.join(' '), text);
  });

  it('gives up a provider that refuses one piece after another, even where it should go on', async (context) => {
    const { error, sent } = await run(context, failingAt([0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 599]), {
      options: { keepGoing: () => true },
    });
    assert.ok(error instanceof PiecesError);
    assert.equal(error.partial, null);
    assert.ok(sent.length <= 6);
  });

  it("never goes on after a failure that is the caller's own", async (context) => {
    const { error, sent } = await run(context, failingAt([30], 'invalid_value'), {
      options: { keepGoing: () => true },
    });
    assert.ok(error instanceof PiecesError && error.next === 'stop');
    assert.equal(error.partial, null);
    assert.ok(sent.length <= 4);
  });

  it('ends every call when the caller leaves', async (context) => {
    const caller = new AbortController();
    const waits = (_ask: ProviderAsk, { signal }: Call) =>
      new Promise<ProviderAnswer>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        setImmediate(() => caller.abort(new GatewayError('client_closed_request', 'The caller hung up.')));
      });
    const { error } = await run(context, waits, { more: { signal: caller.signal } });
    assert.ok(error instanceof GatewayError && error.code === 'client_closed_request');
  });

  it('hands over what was heard when the deadline passes', async (context) => {
    const deadline = new AbortController();
    const tooSlow = async (ask: ProviderAsk, { signal }: Call) => {
      if ((await firstSecondOf(ask.audio)) === 0) return hear(ask);
      deadline.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
      return Promise.reject(new GatewayError('client_closed_request', 'cut', { cause: signal.reason }));
    };
    const limits = { maxParallelCalls: 1 };
    const { error } = await run(context, tooSlow, { limits, more: { signal: deadline.signal } });
    assert.ok(error instanceof PiecesError);
    assert.equal(error.code, 'timeout');
    assert.match(error.partial?.transcript.text ?? '', /^0 1 2 /);
  });

  it('does not pass off an incomplete text when the caller leaves between two pieces', async (context) => {
    const caller = new AbortController();
    const leaves = async (ask: ProviderAsk) => {
      const answer = await hear(ask);
      caller.abort();
      return answer;
    };
    const { answer, error } = await run(context, leaves, {
      limits: { maxParallelCalls: 1 },
      more: { signal: caller.signal },
    });
    assert.equal(answer, null);
    assert.ok(error instanceof PiecesError && error.code === 'client_closed_request');
  });

  it('cuts at quiet places when nobody can tell where somebody speaks', async (context) => {
    const { answer } = await run(context, hear, {
      find: async () => {
        throw new GatewayError('service_unavailable', 'The engine is full.');
      },
    });
    const numbers = answer?.transcript.words?.map((word) => Number(word.text)) ?? [];
    assert.ok(numbers.length > 580 && numbers.every((one, index) => index === 0 || one > numbers[index - 1]!));
  });

  it('refuses ceilings that leave no room for sound', async (context) => {
    const { error, sent } = await run(context, hear, { limits: { maxUploadBytes: 20_000 } });
    assert.ok(error instanceof GatewayError && error.code === 'server_error' && error.next === 'try-other');
    assert.equal(sent.length, 0);
  });
});
