import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { compose, type Gateway } from '../../src/compose.ts';
import { composeModels } from '../../src/compose-shelf.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import { placeEmptyDatabase } from '../helpers/databases.ts';
import { answerJson, type FakeVendor, formOf, startFakeVendor, type VendorRequest } from '../helpers/fake-vendor.ts';
import { makeSpokenRecording, type SpokenRecording } from '../helpers/spoken-recording.ts';

/** The vendor's ceilings: a dozen seconds of WAV, ten seconds of sound, two calls at a time. */
const maxUploadBytes = 400_000;
const maxSeconds = 10;
const maxParallel = 2;
const key = 'sk-test-admin-of-long-recordings';

const catalogue = `models:
  - id: openai/whisper-1
    name: A model with low ceilings
    features: [transcribe, word-times, segment-times, prompt]
    languages: ["*"]
    price: { per_minute_usd: "0.006" }
    upstream: { provider: openai, name: whisper-1, max_upload_bytes: ${maxUploadBytes}, max_seconds: ${maxSeconds}, max_parallel: ${maxParallel} }
`;

describe('a recording above the ceilings of its model', () => {
  let folder = '';
  let vendor: FakeVendor;
  let gateway: Gateway;
  let recording: SpokenRecording;
  let client: OpenAI;
  let running = 0;
  let mostRunning = 0;
  let mostFiles = 0;
  let lengthsMs: number[] = [];

  /** Uploads and pieces that lie on the disk now. */
  const files = () =>
    readdirSync(join(folder, 'uploads'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fluxscribe-long-'));
    const catalogueFile = join(folder, 'own.yaml');
    writeFileSync(catalogueFile, catalogue);
    vendor = await startFakeVendor();
    await placeEmptyDatabase(folder);
    const { FLUXSCRIBE_MODELS, FLUXSCRIBE_MODEL_MIRROR } = process.env;
    const config = loadConfig({
      env: {
        FLUXSCRIBE_MODELS,
        FLUXSCRIBE_MODEL_MIRROR,
        // A machine that is busy with other tests must not have this one's uploads turned away.
        FLUXSCRIBE_LIMITS_SHED_LOOP_DELAY_SECONDS: '60',
        FLUXSCRIBE_DATA: folder,
        FLUXSCRIBE_CATALOGUE_FILE: catalogueFile,
        FLUXSCRIBE_ADMIN_KEY: key,
        FLUXSCRIBE_ENGINE_WORKERS: '1',
        OPENAI_API_KEY: 'sk-of-the-operator',
        OPENAI_BASE_URL: `${vendor.url}/v1`,
      },
      workingDir: folder,
    });
    const parts = { config, log: silentLog };
    const shelf = composeModels(parts);
    for (const { id } of shelf.defaultArtifacts) await shelf.store.ensure(id);
    gateway = await compose(parts, shelf);
    await gateway.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = gateway.app.server.address() as AddressInfo;
    client = new OpenAI({ apiKey: key, baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
    recording = await makeSpokenRecording([900, 1500, 700, 12_000, 1100, 800, 2500]);
  });
  after(async () => {
    gateway?.app.server.closeAllConnections();
    await gateway?.drain(0);
    await vendor?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    vendor.requests.length = 0;
    running = 0;
    mostRunning = 0;
    mostFiles = 0;
    lengthsMs = [];
    vendor.behave(hearEverything);
  });

  const upload = () => toFile(recording.wav, 'interview.wav');

  async function fileOf(request: VendorRequest): Promise<Buffer> {
    const file = (await formOf(request)).get('file');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], ['audio.wav', 'audio/wav']);
    return Buffer.from(await file.arrayBuffer());
  }

  /** A vendor with perfect ears, which answers only when its limit is met. */
  async function hearEverything(request: VendorRequest, response: ServerResponse): Promise<void> {
    mostRunning = Math.max(mostRunning, ++running);
    mostFiles = Math.max(mostFiles, files().length);
    response.once('close', () => running--);
    const { startMs, endMs } = recording.placeOf(await fileOf(request));
    lengthsMs.push(endMs - startMs);
    const isLast = recording.words.at(-1)!.startMs < endMs;
    // Every other call waits for the next one, which there always is but for the last; the bound only ends a failed test.
    const isFirstOfTwo = vendor.requests.indexOf(request) % 2 === 0;
    const { length } = vendor.requests;
    for (let turn = 0; turn < 5000 && isFirstOfTwo && !isLast && vendor.requests.length === length; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const heard = recording.words.filter((word) => {
      const middleMs = (word.startMs + word.endMs) / 2;
      return middleMs >= startMs && middleMs < endMs;
    });
    const seconds = (ms: number) => Math.max(0, Math.min(endMs, ms) - startMs) / 1000;
    const text = heard.map((word) => word.text).join(' ');
    answerJson({
      text,
      language: 'english',
      duration: (endMs - startMs) / 1000,
      segments: text === '' ? [] : [{ start: seconds(heard[0]!.startMs), end: seconds(heard.at(-1)!.endMs), text }],
      words: heard.map((word) => ({ word: word.text, start: seconds(word.startMs), end: seconds(word.endMs) })),
    })(request, response);
  }

  it('is heard whole and in order, with times of the whole, in calls that the vendor takes', async () => {
    const verbose = await client.audio.transcriptions.create({
      file: await upload(),
      model: 'openai/whisper-1',
      prompt: 'Names: Ada.',
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    assert.equal(verbose.text, recording.text);
    assert.equal(verbose.language, 'english');
    assert.equal(verbose.duration, recording.durationMs / 1000);
    assert.equal(verbose.words?.length, recording.words.length);
    for (const [index, word] of verbose.words?.entries() ?? []) {
      assert.equal(word.word, recording.words[index]?.text);
      assert.ok(Math.abs(word.start * 1000 - recording.words[index]!.startMs) <= 30, `${word.word} at ${word.start} s`);
    }
    assert.ok(verbose.segments?.every((one, index, all) => index === 0 || one.start >= all[index - 1]!.end));
    assert.ok(vendor.requests.length >= 6);
    for (const request of vendor.requests) {
      assert.ok(request.body.length <= maxUploadBytes, `a request of ${request.body.length} bytes`);
      assert.equal((await formOf(request)).get('prompt'), 'Names: Ada.');
    }
    assert.ok(lengthsMs.every((lengthMs) => lengthMs <= maxSeconds * 1000));
    // Silence between two pieces is not sent at all.
    assert.ok(lengthsMs.reduce((sum, one) => sum + one, 0) < recording.durationMs - 9_000);
    assert.equal(mostRunning, maxParallel);
    assert.ok(mostFiles <= maxParallel + 1, `${mostFiles} files lay on the disk at one time`);
    assert.deepEqual(files(), []);
  });

  it('has subtitles', async () => {
    const srt = await client.audio.transcriptions.create({
      file: await upload(),
      model: 'openai/whisper-1',
      response_format: 'srt',
    });
    assert.equal(srt.match(/c\d+w\d/g)?.join(' '), recording.text);
    const starts = [...srt.matchAll(/^(\d\d):(\d\d):(\d\d),(\d{3}) -->/gm)].map(
      ([, hours, minutes, secs, ms]) =>
        ((Number(hours) * 60 + Number(minutes)) * 60 + Number(secs)) * 1000 + Number(ms),
    );
    assert.ok(starts.length >= 6 && starts.every((one, index) => index === 0 || one > starts[index - 1]!));
    assert.ok(Math.abs(starts[0]! - recording.words[0]!.startMs) <= 30);
  });

  it('is streamed piece by piece, in order', async () => {
    const stream = await client.audio.transcriptions.create({
      file: await upload(),
      model: 'openai/whisper-1',
      stream: true,
    });
    const deltas: string[] = [];
    for await (const event of stream) if (event.type === 'transcript.text.delta') deltas.push(event.delta);
    assert.equal(deltas.join(''), recording.text);
    assert.ok(deltas.length >= 6);
  });

  it('costs one more call when a piece fails once', async () => {
    let refused: VendorRequest | null = null;
    vendor.behave((request, response) => {
      if (refused || vendor.requests.length < 3) return hearEverything(request, response);
      refused = request;
      return answerJson({ error: { message: 'overloaded' } }, 503)(request, response);
    });
    const { text } = await client.audio.transcriptions.create({ file: await upload(), model: 'openai/whisper-1' });
    assert.equal(text, recording.text);
    const sent = await Promise.all(vendor.requests.map(async (request) => (await fileOf(request)).toString('base64')));
    const twice = sent.filter((one, index) => sent.indexOf(one) !== index);
    assert.equal(twice.length, 1);
    assert.equal(twice[0], (await fileOf(refused!)).toString('base64'));
    assert.deepEqual(files(), []);
  });

  it('is answered with what was heard, and says what was not, when nobody can hear a piece of it', async () => {
    let lost = { startMs: 0, endMs: 0 };
    vendor.behave(async (request, response) => {
      const place = recording.placeOf(await fileOf(request));
      if (place.startMs > 10_000 && (lost.endMs === 0 || place.startMs === lost.startMs)) {
        lost = place;
        return answerJson({ error: { message: 'nonsense', code: 'strange' } }, 501)(request, response);
      }
      return hearEverything(request, response);
    });
    const { text, ...more } = await client.audio.transcriptions.create({
      file: await upload(),
      model: 'openai/whisper-1',
      response_format: 'verbose_json',
    });
    const heard = recording.words.filter(({ startMs, endMs }) => endMs <= lost.startMs || startMs >= lost.endMs);
    assert.ok(heard.length > 40 && heard.length < recording.words.length);
    for (const word of heard) assert.ok(text.includes(word.text), `${word.text} is not in the text`);
    const { warnings } = more as { warnings?: readonly object[] };
    assert.equal(warnings?.length, 1);
    assert.deepEqual(files(), []);
  });

  it('is let go of at the sockets when the caller hangs up, and leaves no file', async () => {
    vendor.behave(() => undefined);
    const caller = new AbortController();
    const call = client.audio.transcriptions
      .create({ file: await upload(), model: 'openai/whisper-1' }, { signal: caller.signal })
      .catch((thrown: unknown) => thrown);
    await vendor.arrived(maxParallel - 1);
    caller.abort();
    assert.ok((await call) instanceof Error);
    for (const request of vendor.requests) assert.equal(await request.ended, 'cut');
    assert.equal(vendor.requests.length, maxParallel);
    // Bounded by the test's own timeout.
    while (files().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('is not cut off by a limit of Node on how long a request or a silent connection may last', () => {
    const { requestTimeout, timeout } = gateway.app.server;
    assert.deepEqual({ requestTimeout, timeout }, { requestTimeout: 0, timeout: 0 });
  });

  it('is not sent at all when nobody speaks in it', async () => {
    const silence = new Uint8Array(recording.wav.length);
    silence.set(recording.wav.subarray(0, 44));
    const { text } = await client.audio.transcriptions.create({
      file: await toFile(silence, 'silence.wav'),
      model: 'openai/whisper-1',
    });
    assert.equal(text, '');
    assert.equal(vendor.requests.length, 0);
  });
});
