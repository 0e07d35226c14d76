import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fixtureBytes, madeRecordings, samples16, seededRandom, wavFile } from '../../test/helpers/audio-files.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { createAudioOpener } from './opener.ts';

const folder = mkdtempSync(join(tmpdir(), 'fluxscribe-hostile-'));
const opener = createAudioOpener({ workers: 2, maxOpenRequests: 10, openTimeoutMs: 20_000, log: silentLog });
const never = new AbortController().signal;
const MUTATIONS_PER_FILE = 24;

after(async () => {
  await opener.close();
  rmSync(folder, { recursive: true });
});

type Mutation = (bytes: Uint8Array, random: () => number) => Uint8Array;

const pick = (random: () => number, below: number) => Math.floor(random() * below);

const mutations: Readonly<Record<string, Mutation>> = {
  'bits flipped': (bytes, random) => {
    const copy = bytes.slice();
    for (let count = 1 + pick(random, 12); count > 0; count--) copy[pick(random, copy.length)]! ^= 1 << pick(random, 8);
    return copy;
  },
  'header bytes set': (bytes, random) => {
    const copy = bytes.slice();
    for (let count = 1 + pick(random, 6); count > 0; count--) {
      copy[pick(random, Math.min(600, copy.length))] = random() < 0.5 ? 255 : pick(random, 256);
    }
    return copy;
  },
  'cut short': (bytes, random) => bytes.subarray(0, pick(random, bytes.length)),
  'a piece removed': (bytes, random) => {
    const from = pick(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + pick(random, 500))]);
  },
  'a piece of another file inside': (bytes, random) => {
    const other = fixtureBytes(madeRecordings[pick(random, madeRecordings.length)]!.file);
    const from = pick(random, other.length);
    const at = pick(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 2_000), bytes.subarray(at)]);
  },
  'a piece repeated': (bytes, random) => {
    const from = pick(random, bytes.length);
    const piece = bytes.subarray(from, from + 1 + pick(random, 1_000));
    return Buffer.concat([bytes.subarray(0, from), ...Array.from({ length: 20 }, () => piece), bytes.subarray(from)]);
  },
};

/** Opens and hears; what is refused must be the caller's fault. */
async function tryFile(bytes: Uint8Array, label: string): Promise<void> {
  const path = join(folder, 'mutant');
  writeFileSync(path, bytes);
  try {
    const audio = await opener.open({ path, sizeBytes: bytes.length }, { maxDurationMs: 600_000 }, never);
    let samples = 0;
    for await (const chunk of audio.pcm(never)) {
      samples += chunk.length;
      for (const sample of chunk) if (!Number.isFinite(sample)) assert.fail(`${label}: a sample is ${sample}`);
    }
    assert.ok(Math.abs(samples / 16 - audio.probe.durationMs) <= 20, `${label}: ${samples / 16} ms heard`);
  } catch (error) {
    assert.ok(error instanceof GatewayError, `${label}: ${error}`);
    assert.equal(error.status, 400, `${label}: ${error.code}, ${error.message}`);
  }
}

describe('the decoding process', { timeout: 300_000 }, () => {
  const wav = wavFile(
    { formatTag: 1, bits: 16, extensible: true },
    samples16(1_600, 16_000, (seconds) => seconds),
  );
  const files = [...madeRecordings.map(({ file }) => [file, fixtureBytes(file)] as const), ['a wav', wav] as const];

  for (const [name, original] of files) {
    it(`answers every mutation of ${name} with sound or with a refusal, and lives on`, async () => {
      const random = seededRandom(name.length * 7_919 + original.length);
      const pids = opener.pids.join();
      const kinds = Object.entries(mutations);
      for (let count = 0; count < MUTATIONS_PER_FILE; count++) {
        const [kind, mutate] = kinds[count % kinds.length]!;
        await tryFile(mutate(original, random), `${name}, ${kind}, number ${count}`);
      }
      assert.equal(opener.pids.join(), pids, 'a process was lost');
    });
  }
});
