import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { burstStartsMs, fixturePath, madeRecordings, samples16, wavFile } from '../../test/helpers/audio-files.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Audio, StoredAudio } from './audio.ts';
import type { AudioOpenerOptions, ProcessAudioOpener } from './opener.ts';
import { createAudioOpener } from './opener.ts';

const folder = mkdtempSync(join(tmpdir(), 'fluxscribe-opener-'));
const openers: ProcessAudioOpener[] = [];
const limits = { maxDurationMs: 3_600_000 };
const never = new AbortController().signal;

function start(options: Partial<AudioOpenerOptions> = {}): ProcessAudioOpener {
  const opener = createAudioOpener({ workers: 1, maxOpenRequests: 100, log: silentLog, ...options });
  openers.push(opener);
  return opener;
}

function store(name: string, bytes: Uint8Array): StoredAudio {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { path, sizeBytes: bytes.length };
}

function fixture(file: string): StoredAudio {
  return { path: fixturePath(file), sizeBytes: 1 };
}

/** A recording of so many seconds, cheap to decode, whose samples tell their place. */
function longRecording(seconds: number): StoredAudio {
  return store(`long-${seconds}.wav`, wavFile({ formatTag: 1, bits: 16 }, samples16(seconds * 16_000, 16_000, place)));
}

function place(seconds: number): number {
  return ((seconds * 16_000) % 9_973) / 10_000;
}

async function hear(audio: Audio, signal = never): Promise<Float32Array> {
  const samples: Float32Array[] = [];
  for await (const chunk of audio.pcm(signal)) samples.push(chunk);
  return Float32Array.from(samples.flatMap((chunk) => [...chunk]));
}

function hasCode(...codes: readonly string[]) {
  return (error: unknown) => error instanceof GatewayError && codes.includes(error.code);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

afterEach(async () => {
  await Promise.all(openers.splice(0).map((opener) => opener.close()));
});
after(() => rmSync(folder, { recursive: true }));

describe('createAudioOpener', { timeout: 120_000 }, () => {
  it('opens and hears every container, each time anew', async () => {
    const opener = start({ workers: 2 });
    for (const made of madeRecordings) {
      const audio = await opener.open(fixture(made.file), limits, never);
      assert.ok(Math.abs(audio.probe.durationMs - made.durationMs) <= 1, made.file);
      for (let time = 0; time < 2; time++) {
        const pcm = await hear(audio);
        assert.ok(Math.abs(pcm.length / 16 - audio.probe.durationMs) <= 1);
        assert.equal(burstStartsMs(pcm, 0.1 / made.channels).length, 2);
      }
    }
  });

  it('hears a long recording in order and in full, in chunks of at most 10 s', async () => {
    const opener = start();
    const audio = await opener.open(longRecording(75), limits, never);
    for (let time = 0; time < 2; time++) {
      let heard = 0;
      for await (const chunk of audio.pcm(never)) {
        assert.ok(chunk.length <= 160_000);
        assert.ok(Math.abs(chunk[0]! - place(heard / 16_000)) < 1e-3);
        heard += chunk.length;
      }
      assert.equal(heard, 75 * 16_000);
    }
  });

  it('gives its consumers chunks of their own: what they do to them is not heard again', async () => {
    const opener = start();
    const audio = await opener.open(fixture('made-opus.ogg'), limits, never);
    const before = await hear(audio);
    for await (const chunk of audio.pcm(never)) chunk.fill(9);
    assert.deepEqual(await hear(audio), before);
  });

  it('opens without decoding when told that nobody will listen, and decodes all the same when somebody does', async () => {
    const opener = start();
    const audio = await opener.open(fixture('made-gapless.mp3'), { ...limits, willHear: false }, never);
    assert.equal((await hear(audio)).length, 19_200);
  });

  it('tells the kinds of refusal apart', async () => {
    const opener = start();
    const bytes = (text: string) => Buffer.from(text);
    const cases: readonly (readonly [StoredAudio, string])[] = [
      [store('empty', new Uint8Array(0)), 'audio_unreadable'],
      [store('text', bytes('this is not a recording '.repeat(50))), 'unsupported_audio'],
      [store('list', bytes('#EXTM3U\nhttp://127.0.0.1:1/x\n')), 'unsupported_audio'],
      [fixture('made-silent-film.mp4'), 'audio_unreadable'],
      [fixture('made-adpcm.wav'), 'unsupported_audio'],
    ];
    for (const [stored, code] of cases) await assert.rejects(opener.open(stored, limits, never), hasCode(code));
    await assert.rejects(
      opener.open(fixture('made-opus.ogg'), { maxDurationMs: 500 }, never),
      hasCode('audio_too_long'),
    );
    await assert.rejects(
      opener.open({ path: join(folder, 'nowhere'), sizeBytes: 1 }, limits, never),
      (error) => error instanceof GatewayError && error.code === 'server_error' && !error.message.includes(folder),
    );
    // None of them cost the process its life.
    assert.equal((await hear(await opener.open(fixture('made-opus.ogg'), limits, never))).length, 19_200);
  });

  it('turns away those beyond the ceiling of the queue, and serves the rest in order', async () => {
    const opener = start({ maxWorkers: 1, maxOpenRequests: 3 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => opener.open(fixture('made-opus.ogg'), limits, never)),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(refused.length >= 4 && refused.length <= 5, `${refused.length} refused`);
    for (const { reason } of refused) {
      assert.ok(reason instanceof GatewayError && reason.code === 'service_unavailable');
      assert.equal(reason.retryAfterSeconds, 1);
    }
  });

  it('goes on where a process stopped that was killed from outside, without a sample lost or doubled', async () => {
    const opener = start({ maxWorkers: 2, workers: 2 });
    const whole = await hear(await opener.open(longRecording(60), limits, never));
    const audio = await opener.open(longRecording(60), limits, never);
    const heard: number[] = [];
    let chunks = 0;
    for await (const samples of audio.pcm(never)) {
      heard.push(...samples);
      if (++chunks === 2) for (const pid of opener.pids) process.kill(pid, 'SIGKILL');
    }
    assert.deepEqual(Float32Array.from(heard), whole);
  });

  it('gives a recording up whose processes are killed again and again', async () => {
    const opener = start({ workers: 1, maxWorkers: 1 });
    const audio = await opener.open(longRecording(600), limits, never);
    const killer = setInterval(() => {
      for (const pid of opener.pids) process.kill(pid, 'SIGKILL');
    }, 10);
    try {
      await assert.rejects(hear(audio), hasCode('service_unavailable'));
    } finally {
      clearInterval(killer);
    }
  });

  it('opens what it was asked for in another process when the first is dead already', async () => {
    const opener = start({ workers: 2 });
    await opener.open(fixture('made-opus.ogg'), limits, never);
    for (const pid of opener.pids) process.kill(pid, 'SIGKILL');
    // Asked in the same breath: the pool cannot have heard of the deaths.
    const audio = await opener.open(fixture('made-opus.ogg'), limits, never);
    assert.equal((await hear(audio)).length, 19_200);
  });

  it('recovers when every process dies at once, again and again', async () => {
    const opener = start({ workers: 2 });
    for (let round = 0; round < 4; round++) {
      await opener.open(fixture('made-opus.ogg'), limits, never);
      const { pids } = opener;
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await until(() => !opener.pids.some((pid) => pids.includes(pid)));
    }
    assert.equal((await hear(await opener.open(fixture('made-opus.ogg'), limits, never))).length, 19_200);
  });

  it('stops when the caller hangs up: before, while waiting, and in the middle', async () => {
    const opener = start({ maxWorkers: 1 });
    await assert.rejects(
      opener.open(fixture('made-opus.ogg'), limits, AbortSignal.abort()),
      hasCode('client_closed_request'),
    );
    const audio = await opener.open(longRecording(60), limits, never);
    const hangUp = new AbortController();
    const stream = audio.pcm(hangUp.signal)[Symbol.asyncIterator]();
    await stream.next();
    const waiting = new AbortController();
    const queued = opener.open(fixture('made-opus.ogg'), limits, waiting.signal);
    waiting.abort();
    await assert.rejects(queued, hasCode('client_closed_request'));
    hangUp.abort();
    await assert.rejects(async () => {
      for (let next = await stream.next(); !next.done; next = await stream.next());
    }, hasCode('client_closed_request'));
    // The process is free again.
    await opener.open(fixture('made-opus.ogg'), limits, never);
  });

  it('passes on why a signal ended the work', async () => {
    const opener = start();
    const deadline = new GatewayError('timeout', 'The request took too long.');
    await assert.rejects(opener.open(fixture('made-opus.ogg'), limits, AbortSignal.abort(deadline)), deadline);
  });

  it('frees the process of a listener who walks away', async () => {
    const opener = start({ maxWorkers: 1 });
    const audio = await opener.open(longRecording(60), limits, never);
    for (let time = 0; time < 5; time++) {
      for await (const chunk of audio.pcm(never)) {
        assert.ok(chunk.length > 0);
        break;
      }
    }
    assert.equal((await hear(await opener.open(fixture('made-opus.ogg'), limits, never))).length, 19_200);
    assert.equal(opener.pids.length, 1);
  });

  it('takes the process from a listener who stands still while others wait, and goes on later without a gap', async () => {
    const opener = start({ maxWorkers: 1, stallMs: 50 });
    const audio = await opener.open(longRecording(80), limits, never);
    const stream = audio.pcm(never)[Symbol.asyncIterator]();
    const chunks: Float32Array[] = [];
    const first = await stream.next();
    assert.ok(!first.done);
    chunks.push(first.value);
    for (let time = 0; time < 3; time++) await opener.open(fixture('made-opus.ogg'), limits, never);
    for (let next = await stream.next(); !next.done; next = await stream.next()) chunks.push(next.value);
    const samples = chunks.flatMap((chunk) => [...chunk]);
    assert.equal(samples.length, 80 * 16_000);
    for (let index = 0; index < samples.length; index += 997) {
      assert.ok(Math.abs(samples[index]! - place(index / 16_000)) < 1e-3, `sample ${index}`);
    }
  });

  it('starts more processes when all are busy, and lets them go when they idle', async () => {
    const opener = start({ workers: 1, maxWorkers: 3, idleMs: 50 });
    const audio = await opener.open(longRecording(60), limits, never);
    const streams = Array.from({ length: 3 }, () => audio.pcm(never)[Symbol.asyncIterator]());
    for (const stream of streams) await stream.next();
    assert.equal(opener.pids.length, 3);
    for (const stream of streams) await stream.return?.();
    await until(() => opener.pids.length === 1);
  });

  it('refuses a file on which a process hangs, and replaces the process', async () => {
    // A file that is not one: reading a pipe that nobody writes to stops the process inside a system call.
    // The file after it has the same time, for a new process to start in.
    const opener = start({ openTimeoutMs: 3_000 });
    const pipe = join(folder, 'pipe');
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(
      opener.open({ path: pipe, sizeBytes: 1 }, limits, never),
      hasCode('timeout', 'audio_unreadable'),
    );
    await opener.open(fixture('made-opus.ogg'), limits, never);
  });

  it('refuses a file that takes more memory than a process may have', async () => {
    const opener = start({ maxWorkerRssBytes: 40 * 1024 * 1024 });
    // Even an idle process is larger than this, so whichever watch looks first ends the task.
    await assert.rejects(opener.open(fixture('made-gapless.mp3'), limits, never), hasCode('audio_unreadable'));
  });

  it('refuses a file that takes more processor time than its length allows', async () => {
    const opener = start({ decodeTimeoutFloorMs: -3_600_000 });
    await assert.rejects(opener.open(fixture('made-gapless.mp3'), limits, never), hasCode('audio_unreadable'));
  });

  it('lets its processes read, and nothing else', {
    skip: existsSync('/proc/self') ? false : 'no /proc here',
  }, async () => {
    const opener = start();
    await opener.open(fixture('made-opus.ogg'), limits, never);
    const { readFileSync } = await import('node:fs');
    for (const pid of opener.pids) {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      assert.ok(command.includes('--permission') && command.includes('--allow-fs-read=*'));
      assert.ok(!command.some((part) => /--allow-(?!fs-read)/.test(part)));
      assert.equal(readFileSync(`/proc/${pid}/environ`, 'latin1').replace(/NODE_CHANNEL_\w+=[^\0]*\0/g, ''), '');
    }
  });

  it('keeps no recording open after any outcome', {
    skip: existsSync('/proc/self') ? false : 'no /proc here',
  }, async () => {
    const opener = start();
    const long = longRecording(60);
    const audio = await opener.open(long, limits, never);
    await hear(audio);
    for await (const _ of audio.pcm(never)) break;
    await opener
      .open(store('broken.webm', Buffer.from('\x1a\x45\xdf\xa3broken', 'latin1')), limits, never)
      .catch(() => {});
    const openFiles = () =>
      opener.pids.flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
          try {
            return readlinkSync(`/proc/${pid}/fd/${name}`);
          } catch {
            return [];
          }
        }),
      );
    await until(() => !openFiles().some((path) => path.startsWith(folder)));
  });

  it('ends every process on close, and fails what is under way', async () => {
    const opener = start({ workers: 2 });
    const audio = await opener.open(longRecording(60), limits, never);
    const stream = audio.pcm(never)[Symbol.asyncIterator]();
    await stream.next();
    const { pids } = opener;
    assert.equal(pids.length, 2);
    await opener.close();
    assert.ok(!pids.some(isAlive));
    await assert.rejects(async () => {
      for (let next = await stream.next(); !next.done; next = await stream.next());
    }, hasCode('service_unavailable'));
    await assert.rejects(opener.open(fixture('made-opus.ogg'), limits, never), hasCode('service_unavailable'));
  });
});
