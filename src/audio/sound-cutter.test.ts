import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Audio } from './audio.ts';
import { MemoryByteSource } from './byte-source.ts';
import { readRecording } from './recording.ts';
import { SoundCutter } from './sound-cutter.ts';
import { openTempFolder } from './temp-folder.ts';

/** Sample `index` of the recording: its own number, so that every cut can be checked to the sample. */
const valueAt = (index: number) => ((index % 30_000) + 1) / 32_767;

interface Decoded {
  readonly audio: Audio;
  chunks: number;
  ended: boolean;
}

/** A recording of which only the decoded sound counts, in chunks of a second and an odd sample. */
function recordingOf(sampleCount: number, sampleAt: (index: number) => number = valueAt): Decoded {
  const decoded: Decoded = {
    chunks: 0,
    ended: false,
    audio: {
      stored: { path: '', sizeBytes: 0 },
      probe: {
        container: 'mp3',
        codec: 'mp3',
        sampleRate: 44_100,
        channels: 2,
        durationMs: sampleCount / 16,
        headerDurationMs: null,
        canonicalFileName: 'audio.mp3',
        mediaType: 'audio/mpeg',
      },
      async *pcm(signal) {
        try {
          for (let at = 0; at < sampleCount; at += 16_001) {
            if (signal.aborted) throw new GatewayError('client_closed_request', 'gone');
            decoded.chunks++;
            yield Float32Array.from({ length: Math.min(16_001, sampleCount - at) }, (_, index) => sampleAt(at + index));
          }
        } finally {
          decoded.ended = true;
        }
      },
    },
  };
  return decoded;
}

async function setUp(context: TestContext, minFreeDiskBytes = 0) {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-cutter-'));
  const folder = await openTempFolder({ tempDir, minFreeDiskBytes, log: silentLog });
  context.after(async () => {
    await folder.close();
    await rm(tempDir, { recursive: true, force: true });
  });
  const files = async () => {
    const entries = await readdir(tempDir, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).length;
  };
  return { folder, files };
}

async function soundOf(audio: Audio): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const part of audio.pcm(new AbortController().signal)) parts.push(part);
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

const unaborted = new AbortController().signal;
const at = (startMs: number, endMs: number, quietFromMs: number | null = null) => ({ startMs, endMs, quietFromMs });

describe('SoundCutter', () => {
  it('cuts to the sample, and leaves out what lies between two pieces', async (context) => {
    const { folder } = await setUp(context);
    const cutter = new SoundCutter(recordingOf(16_000 * 9 + 7).audio, folder, unaborted);
    for (const [startMs, endMs, expectedEndMs] of [
      [500, 2750, 2750],
      [2750, 4000, 4000],
      [7001, 20_000, 9001],
    ] as const) {
      const piece = await cutter.cut(at(startMs, endMs));
      assert.ok(piece);
      assert.deepEqual([piece.startMs, piece.endMs], [startMs, expectedEndMs]);
      const sound = await soundOf(piece.audio);
      assert.equal(sound.length, Math.min(endMs * 16, 16_000 * 9 + 7) - startMs * 16);
      for (const index of [0, 1, sound.length >> 1, sound.length - 1]) {
        assert.ok(Math.abs(sound[index]! - valueAt(startMs * 16 + index)) < 1e-6);
      }
    }
    assert.equal(await cutter.cut(at(9001, 9500)), null);
    await cutter.close();
  });

  it('writes files that anybody reads as WAV, as long as they say', async (context) => {
    const { folder } = await setUp(context);
    const cutter = new SoundCutter(recordingOf(32_000).audio, folder, unaborted);
    const piece = await cutter.cut(at(100, 1600));
    assert.ok(piece && piece.audio.stored.path !== null);
    const bytes = await readFile(piece.audio.stored.path);
    assert.equal(bytes.length, piece.audio.stored.sizeBytes);
    const { probe } = readRecording(new MemoryByteSource(bytes), { maxDurationMs: 10_000, maxCpuMs: 1000 });
    assert.deepEqual(probe, piece.audio.probe);
    assert.deepEqual([probe.durationMs, probe.canonicalFileName, probe.mediaType], [1500, 'audio.wav', 'audio/wav']);
    await cutter.close();
  });

  it('cuts at the quietest place where it may choose, and begins the next piece there', async (context) => {
    const { folder } = await setUp(context);
    // Loud, but for 100 ms around 3.35 s.
    const loudness = (index: number) => (index >= 3300 * 16 && index < 3400 * 16 ? 0.001 : 0.5) * (index % 2 ? 1 : -1);
    const cutter = new SoundCutter(recordingOf(6 * 16_000, loudness).audio, folder, unaborted);
    const first = await cutter.cut(at(0, 4000, 3000));
    assert.ok(first && first.endMs >= 3340 && first.endMs <= 3360);
    const second = await cutter.cut(at(first.endMs, 6000));
    const sound = await soundOf(second!.audio);
    assert.equal(sound.length, (6000 - first.endMs) * 16);
    assert.ok(Math.abs(sound[0]!) < 0.01 && Math.abs(sound.at(-1)!) > 0.4);
    await cutter.close();
  });

  it('decodes no further than the piece that is asked for', async (context) => {
    const { folder, files } = await setUp(context);
    const recording = recordingOf(16_000 * 60);
    const cutter = new SoundCutter(recording.audio, folder, unaborted);
    const piece = await cutter.cut(at(0, 5000));
    assert.ok(recording.chunks <= 6);
    await cutter.close();
    assert.ok(recording.ended);
    assert.equal(await files(), 1);
    await piece?.dispose();
    await piece?.dispose();
    assert.equal(await files(), 0);
  });

  it('leaves nothing behind when the caller leaves while a piece is written', async (context) => {
    const { folder, files } = await setUp(context);
    const controller = new AbortController();
    const leaving = recordingOf(16_000 * 60, (index) => {
      if (index === 16_000 * 10) controller.abort();
      return 0;
    });
    const cutter = new SoundCutter(leaving.audio, folder, controller.signal);
    await assert.rejects(cutter.cut(at(0, 30_000)), { code: 'client_closed_request' });
    assert.equal(await files(), 0);
  });

  it('says that the disk is full', async (context) => {
    const { folder, files } = await setUp(context, Number.MAX_SAFE_INTEGER);
    const cutter = new SoundCutter(recordingOf(16_000).audio, folder, unaborted);
    await assert.rejects(cutter.cut(at(0, 1000)), { code: 'storage_full' });
    assert.equal(await files(), 0);
  });
});
