import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BenchEngine, MODEL, openBenchEngine } from '../../bench/support/bench-engine.ts';
import { silentLog } from '../../src/core/log.ts';
import { createLocalProvider } from '../../src/providers/local/local-provider.ts';

const SPEECH = fileURLToPath(new URL('../fixtures/audio/made-speech.ogg', import.meta.url));
const PERIOD_S = 300;
const REPEATS = 26;
const RATE = 16_000;

describe('a recording of more than two hours', () => {
  let bench: BenchEngine;
  let folder: string;
  let path: string;
  const { signal } = new AbortController();

  before(async () => {
    bench = await openBenchEngine(2);
    folder = await mkdtemp(join(tmpdir(), 'fluxscribe-two-hours-'));
    path = join(folder, 'long.wav');
    const chunks: Float32Array[] = [];
    for await (const chunk of (await bench.open(SPEECH)).pcm(signal)) chunks.push(chunk);
    const period = Buffer.alloc(PERIOD_S * RATE * 2);
    let at = 0;
    for (const sample of chunks.flatMap((chunk) => [...chunk])) {
      period.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), at);
      at += 2;
    }
    const bytes = period.length * REPEATS;
    const header = Buffer.alloc(44);
    header.write('RIFF', 0);
    header.writeUInt32LE(36 + bytes, 4);
    header.write('WAVEfmt ', 8);
    header.writeUInt32LE(16, 16);
    header.writeUInt16LE(1, 20);
    header.writeUInt16LE(1, 22);
    header.writeUInt32LE(RATE, 24);
    header.writeUInt32LE(RATE * 2, 28);
    header.writeUInt16LE(2, 32);
    header.writeUInt16LE(16, 34);
    header.write('data', 36);
    header.writeUInt32LE(bytes, 40);
    const parts = [header, ...Array.from({ length: REPEATS }, () => period)];
    await pipeline(Readable.from(parts), createWriteStream(path));
  });
  after(async () => {
    await bench.close();
    await rm(folder, { recursive: true });
  });

  it('has word times that rise strictly to the end, each sentence at its own place', async () => {
    const audio = await bench.open(path);
    assert.equal(audio.probe.durationMs, PERIOD_S * REPEATS * 1000);
    const card = {
      id: 'local/moonshine-tiny',
      features: ['transcribe'],
      languages: ['en'],
      maxDurationMs: null,
      maxUploadBytes: null,
    } as const;
    const provider = createLocalProvider(bench.engine, () => [{ card, engineId: MODEL }]);
    const { transcript } = await provider.transcribe(
      {
        audio,
        modelId: card.id,
        task: 'transcribe',
        language: null,
        prompt: null,
        temperature: null,
        wantWords: true,
        wantLogprobs: false,
      },
      { signal, log: silentLog },
    );
    const words = transcript.words ?? [];
    for (let index = 1; index < words.length; index++) assert.ok(words[index]!.startMs > words[index - 1]!.startMs);
    const garages = words.filter((word) => /garage/i.test(word.text)).map((word) => word.startMs);
    assert.equal(garages.length, REPEATS);
    for (const [index, startMs] of garages.entries()) {
      assert.ok(Math.abs(startMs - (garages[0]! + index * PERIOD_S * 1000)) <= 100, `repeat ${index} is off`);
    }
  });
});
