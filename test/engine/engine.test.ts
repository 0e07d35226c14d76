import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BenchEngine, MODEL, openBenchEngine } from '../../bench/support/bench-engine.ts';
import type { HeardWindow } from '../../src/engine/engine.ts';

const SPEECH = fileURLToPath(new URL('../fixtures/audio/made-speech.ogg', import.meta.url));
const SPOKEN = 'My uncle keeps seven chickens behind the old garage. Every morning they wake the whole street.';
/** Six times five seconds of speech with ten seconds of silence after each: long enough to be cut. */
const REPEATS = 6;
const GAP_SAMPLES = 10 * 16_000;

const plain = (text: string) => text.toLowerCase().replace(/[^a-z ]/g, '');
const never = new AbortController().signal;

describe('the embedded engine', () => {
  let bench: BenchEngine;
  let speech: Float32Array;

  before(async () => {
    bench = await openBenchEngine(2);
    const chunks: Float32Array[] = [];
    for await (const chunk of (await bench.open(SPEECH)).pcm(never)) chunks.push(chunk);
    speech = Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
  });
  after(() => bench.close());

  async function* sound(...parts: Float32Array[]) {
    for (const part of parts) {
      for (let at = 0; at < part.length; at += 64_000) yield part.slice(at, at + 64_000);
    }
  }

  const long = () => sound(...Array.from({ length: REPEATS }, () => [speech, new Float32Array(GAP_SAMPLES)]).flat());
  const longMs = () => ((speech.length + GAP_SAMPLES) * REPEATS) / 16;

  async function hear(
    engine: BenchEngine['engine'],
    pcm: AsyncIterable<Float32Array>,
    durationMs: number,
    signal = never,
  ) {
    const windows: HeardWindow[] = [];
    for await (const window of engine.hear({
      modelId: MODEL,
      pcm,
      durationMs,
      wantTimes: true,
      task: 'transcribe',
      language: null,
      signal,
    }))
      windows.push(window);
    return windows;
  }

  const textOf = (windows: readonly HeardWindow[]) =>
    windows.flatMap((one) => one.words.map((word) => word.text)).join(' ');

  it('writes down what is said, with word times that rise and lie inside the sound', async () => {
    const windows = await hear(bench.engine, sound(speech), speech.length / 16);
    assert.equal(plain(textOf(windows)), plain(SPOKEN));
    let last = 0;
    for (const word of windows.flatMap((one) => one.words)) {
      assert.ok(word.startMs !== null && word.endMs !== null);
      assert.ok(word.startMs >= last - 1e-6 && word.endMs >= word.startMs && word.endMs <= speech.length / 16);
      last = word.startMs;
      assert.ok(word.tokens.every((token) => token.logprob <= 0));
    }
  });

  it('hears nothing in silence and in noise', async () => {
    const noise = Float32Array.from(
      { length: 80_000 },
      (_, index) => Math.sin(index * 12.9898) * Math.sin(index * 78.233) * 0.2,
    );
    for (const quiet of [new Float32Array(160_000), noise]) {
      const windows = await hear(bench.engine, sound(quiet), quiet.length / 16);
      assert.equal(textOf(windows), '');
      assert.ok(windows.every((one) => !one.unheard));
    }
  });

  it('answers sound that is shorter than any model takes', async () => {
    for (const samples of [0, 1, 79, 400]) {
      assert.equal(textOf(await hear(bench.engine, sound(new Float32Array(samples).fill(0.1)), samples / 16)), '');
    }
  });

  it('cuts a long recording at its pauses and puts every sentence at its own time', async () => {
    const windows = await hear(bench.engine, long(), longMs());
    assert.equal(plain(textOf(windows)), Array(REPEATS).fill(plain(SPOKEN)).join(' '));
    const starts = windows.flatMap((one) => one.words).filter((word) => plain(word.text) === 'uncle');
    const periodMs = (speech.length + GAP_SAMPLES) / 16;
    for (let index = 1; index < starts.length; index++) {
      const expected = (starts[0]?.startMs ?? 0) + index * periodMs;
      assert.ok(Math.abs((starts[index]?.startMs ?? 0) - expected) <= 100, `repeat ${index} is off`);
    }
  });

  it('gives times to a text that somebody else wrote, also over a long recording', async () => {
    const words = Array(REPEATS).fill(SPOKEN.split(' ')).flat() as string[];
    const aligned = await bench.engine.align({
      modelId: MODEL,
      openPcm: long,
      durationMs: longMs(),
      words,
      language: null,
      signal: never,
    });
    assert.deepEqual(
      aligned.map((one) => one.text),
      words,
    );
    const heard = (await hear(bench.engine, long(), longMs())).flatMap((one) => one.words);
    const garages = (list: readonly { text: string; startMs: number | null }[]) =>
      list.filter((one) => plain(one.text) === 'garage').map((one) => one.startMs ?? Number.NaN);
    const own = garages(heard);
    for (const [index, startMs] of garages(aligned).entries()) assert.ok(Math.abs(startMs - (own[index] ?? 0)) <= 100);
    assert.equal(garages(aligned).length, REPEATS);
  });

  it('looks for the parts of a long text where they are said to be spoken, roughly, and nowhere else', async () => {
    const periodMs = (speech.length + GAP_SAMPLES) / 16;
    const words = Array(REPEATS).fill(SPOKEN.split(' ')).flat() as string[];
    // Whole seconds; the last lies behind the end of the sound.
    const stretches = Array.from({ length: REPEATS }, (_, repeat) => {
      const startMs = Math.floor((repeat * periodMs) / 1000) * 1000 + (repeat === REPEATS - 1 ? longMs() : 0);
      return { wordCount: words.length / REPEATS, startMs, endMs: startMs + 7_000 };
    });
    const ask = { modelId: MODEL, openPcm: long, durationMs: longMs(), words, language: null, signal: never } as const;
    const aligned = await bench.engine.align({ ...ask, stretches });
    assert.deepEqual(
      aligned.map((one) => one.text),
      words,
    );
    const parts = words.length / REPEATS;
    const alone = await bench.engine.align({
      ...ask,
      openPcm: () => sound(speech),
      durationMs: speech.length / 16,
      words: words.slice(0, parts),
    });
    for (const [index, word] of aligned.entries()) {
      const repeat = Math.floor(index / parts);
      const startMs = word.startMs ?? Number.NaN;
      if (repeat === REPEATS - 1) assert.ok(startMs >= longMs(), 'a word is put where nobody said it');
      else assert.ok(Math.abs(startMs - repeat * periodMs - (alone[index % parts]?.startMs ?? 0)) <= 120, word.text);
    }
  });

  it('tells where somebody speaks in a recording of any length, and nowhere in silence and noise', async () => {
    const spans = await bench.engine.detectSpeech({ pcm: long(), signal: never });
    const periodMs = (speech.length + GAP_SAMPLES) / 16;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const own = spans.filter((span) => Math.floor(span.startMs / periodMs) === repeat);
      assert.ok(own.length > 0, `nobody speaks in repeat ${repeat}`);
      const spokenMs = own.reduce((sum, span) => sum + span.endMs - span.startMs, 0);
      assert.ok(spokenMs > 3_000 && spokenMs <= speech.length / 16 + 200, `${spokenMs} ms in repeat ${repeat}`);
    }
    for (const [index, span] of spans.entries()) {
      assert.ok(span.startMs >= (spans[index - 1]?.endMs ?? 0) && span.endMs > span.startMs);
      assert.ok(span.endMs <= longMs());
    }
    const quiet = sound(new Float32Array(320_000));
    assert.deepEqual(await bench.engine.detectSpeech({ pcm: quiet, signal: never }), []);
    assert.deepEqual(await bench.engine.detectSpeech({ pcm: sound(), signal: never }), []);
  });

  it('stops looking for speech when the caller leaves', async () => {
    const controller = new AbortController();
    const running = bench.engine.detectSpeech({ pcm: long(), signal: controller.signal });
    const failed = assert.rejects(running, { code: 'client_closed_request' });
    while (bench.engine.status().busy === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await failed;
    assert.equal(bench.engine.status().recordings, 0);
    assert.equal(bench.engine.status().queued, 0);
  });

  it('costs one request an error when a process is killed, and goes on', async () => {
    const running = hear(bench.engine, long(), longMs());
    const failed = assert.rejects(running, { code: 'engine_crashed' });
    while (bench.engine.status().busy < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    // One that is killed before it has taken its job up costs nothing: the job goes to the next.
    const killer = setInterval(() => {
      for (const pid of bench.engine.status().pids) process.kill(pid, 'SIGKILL');
    }, 100);
    await failed.finally(() => clearInterval(killer));
    assert.equal(plain(textOf(await hear(bench.engine, sound(speech), speech.length / 16))), plain(SPOKEN));
  });

  it('stops at once when the caller leaves, and takes the next recording', async () => {
    const controller = new AbortController();
    const running = hear(bench.engine, long(), longMs(), controller.signal);
    const failed = assert.rejects(running, { code: 'client_closed_request' });
    while (bench.engine.status().busy === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await failed;
    assert.equal(bench.engine.status().recordings, 0);
    assert.equal(bench.engine.status().queued, 0);
    assert.equal(plain(textOf(await hear(bench.engine, sound(speech), speech.length / 16))), plain(SPOKEN));
  });
});

describe('an engine with room for one recording', () => {
  it('refuses a second one with the time after which to try again', async () => {
    const bench = await openBenchEngine(1, { maxRecordings: 1 });
    try {
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      async function* slow() {
        await held;
        yield new Float32Array(16_000);
      }
      const ask = {
        modelId: MODEL,
        durationMs: 1000,
        wantTimes: false,
        task: 'transcribe',
        language: null,
        signal: never,
      } as const;
      const first = bench.engine.hear({ ...ask, pcm: slow() })[Symbol.asyncIterator]();
      const waiting = first.next();
      const second = bench.engine.hear({ ...ask, pcm: slow() })[Symbol.asyncIterator]();
      await assert.rejects(second.next(), (error: { code?: string; retryAfterSeconds?: number }) => {
        return error.code === 'service_unavailable' && (error.retryAfterSeconds ?? 0) >= 1;
      });
      release();
      await waiting;
      await first.next();
      assert.equal(bench.engine.status().recordings, 0);
    } finally {
      await bench.close();
    }
  });

  it('replaces a process whose memory has grown past the limit, and goes on', async () => {
    const bench = await openBenchEngine(1, { recycleResidentBytes: 1 });
    try {
      const [pid] = bench.engine.status().pids;
      for (let round = 0; round < 2; round++) {
        async function* sound() {
          yield new Float32Array(16_000);
        }
        for await (const window of bench.engine.hear({
          modelId: MODEL,
          pcm: sound(),
          durationMs: 1000,
          wantTimes: false,
          task: 'transcribe',
          language: null,
          signal: never,
        })) {
          assert.equal(window.words.length, 0);
        }
      }
      assert.notEqual(bench.engine.status().pids[0], pid);
    } finally {
      await bench.close();
    }
  });
});
