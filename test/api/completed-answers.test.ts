import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { compose, type Gateway } from '../../src/compose.ts';
import { composeModels } from '../../src/compose-shelf.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import { placeEmptyDatabase } from '../helpers/databases.ts';
import { answerEvents, answerJson, type FakeVendor, startFakeVendor } from '../helpers/fake-vendor.ts';
import { helloText, longSpeechWav, speech } from '../helpers/speech.ts';

const adminKey = 'sk-of-the-operator';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Verbose {
  readonly text: string;
  readonly segments?: readonly { readonly text: string; readonly start: number; readonly end: number }[];
  readonly words?: readonly { readonly word: string; readonly start: number; readonly end: number }[];
}

describe('answers of a vendor that gives bare text, by the whole gateway', () => {
  let folder = '';
  let vendor: FakeVendor;
  let gateway: Gateway;
  let url = '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'completed-answers-'));
    vendor = await startFakeVendor();
    const catalogueFile = join(folder, 'own.yaml');
    writeFileSync(
      catalogueFile,
      'aliases:\n  - { id: house, name: House, price: { per_minute_usd: "0.01" },' +
        ' models: [openai/gpt-4o-transcribe, local/moonshine-tiny] }\n',
    );
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    await placeEmptyDatabase(dataDir);
    const { HOME, FLUXSCRIBE_MODELS, FLUXSCRIBE_MODEL_MIRROR } = process.env;
    const config = loadConfig({
      env: {
        HOME,
        FLUXSCRIBE_MODELS,
        FLUXSCRIBE_MODEL_MIRROR,
        // A machine that is busy with other tests must not have this one's uploads turned away.
        FLUXSCRIBE_LIMITS_SHED_LOOP_DELAY_SECONDS: '60',
        FLUXSCRIBE_DATA: dataDir,
        FLUXSCRIBE_CATALOGUE_FILE: catalogueFile,
        FLUXSCRIBE_ADMIN_KEY: adminKey,
        FLUXSCRIBE_ENGINE_WORKERS: '1',
        OPENAI_API_KEY: 'sk-vendor',
        OPENAI_BASE_URL: `${vendor.url}/v1`,
      },
      workingDir: folder,
    });
    const shelf = composeModels({ config, log: silentLog });
    for (const { id } of shelf.defaultArtifacts) await shelf.store.ensure(id);
    gateway = await compose({ config, log: silentLog }, shelf);
    url = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
    await gateway.engine.ready();
  });
  after(async () => {
    await gateway?.drain(0);
    await vendor?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(
    fields: Record<string, string>,
    bytes: Uint8Array<ArrayBuffer> = readFileSync(speech.path),
  ): Promise<Answer> {
    const form = new FormData();
    for (const [name, value] of Object.entries({ model: 'openai/gpt-4o-transcribe', ...fields }))
      form.append(name, value);
    form.append('file', new Blob([bytes]), 'speech');
    const headers = { authorization: `Bearer ${adminKey}` };
    const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  const verbose = async (fields: Record<string, string> = {}, bytes?: Uint8Array<ArrayBuffer>) => {
    const answer = await ask({ response_format: 'verbose_json', ...fields }, bytes);
    assert.equal(answer.status, 200, answer.text);
    return { ...answer, body: JSON.parse(answer.text) as Verbose };
  };

  it('have word times and sentences that were found in the sound, and say so', async () => {
    vendor.behave(answerJson({ text: speech.text }));
    const { body, headers } = await verbose({ 'timestamp_granularities[]': 'word' });
    assert.equal(headers.get('x-flux-derived'), 'words=aligned, segments=aligned');
    assert.equal(headers.get('x-flux-unmet'), null);
    assert.equal(body.words?.map((word) => word.word).join(' '), speech.text);
    const heard =
      (await verbose({ 'timestamp_granularities[]': 'word', model: 'local/moonshine-tiny' })).body.words ?? [];
    for (const [index, word] of heard.entries()) {
      assert.ok(Math.abs(word.start - (body.words?.[index]?.start ?? 0)) <= 0.12, `${word.word} begins elsewhere`);
    }
  });

  it('are subtitles with the times of their sentences', async () => {
    vendor.behave(answerJson({ text: speech.text }));
    const { text, headers } = await ask({ response_format: 'srt' });
    const cues = text.split('\n\n').filter((cue) => cue.includes('-->'));
    assert.equal(cues.length, 2);
    assert.match(cues[0]!, /My uncle keeps seven chickens behind the old garage\.$/);
    assert.match(headers.get('x-flux-derived') ?? '', /segments=aligned/);
  });

  it('are as the vendor gave them where no times are asked for', async () => {
    vendor.behave(answerJson({ text: speech.text }));
    const { text, headers } = await ask({ response_format: 'json' });
    assert.equal(JSON.parse(text).text, speech.text);
    assert.equal(headers.get('x-flux-derived'), null);
  });

  it('have times in every language, marked as estimated where no installed model knows it', async () => {
    vendor.behave(
      answerJson({
        text: 'Mijn oom houdt zeven kippen achter de oude garage, en elke ochtend maken ze de straat wakker.',
        language: 'dutch',
      }),
    );
    const { body, headers } = await verbose({ 'timestamp_granularities[]': 'word', language: 'nl' });
    const derived = headers.get('x-flux-derived') ?? '';
    assert.match(derived, /^words=(aligned|estimated), segments=\1$/);
    for (const [index, word] of (body.words ?? []).entries()) {
      assert.ok(word.start >= (body.words?.[index - 1]?.end ?? 0) - 1e-9 && word.end <= speech.seconds + 0.1);
    }
  });

  it('have their sentences as segments in a diarized stream, unless the vendor has streamed them itself', async () => {
    const eventsOf = async () => {
      const { text } = await ask({ response_format: 'diarized_json', stream: 'true' });
      return text.split('\n\n').flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []));
    };
    const textOf = (events: readonly { type: string; delta?: string }[]) =>
      events.flatMap((one) => (one.type === 'transcript.text.delta' ? (one.delta ?? []) : [])).join('');
    // A server that does not stream answers in one piece.
    vendor.behave(answerJson({ text: speech.text }));
    const whole = await eventsOf();
    const segments = whole.filter((one) => one.type === 'transcript.text.segment');
    assert.equal(textOf(whole), speech.text);
    assert.equal(segments.length, 2);
    assert.ok(segments[0].end <= segments[1].start);
    assert.deepEqual(whole.at(-1).x_flux.derived, ['segments=aligned']);
    vendor.behave(
      answerEvents([
        `data: {"type":"transcript.text.delta","delta":"${speech.text}"}\n\n`,
        `data: {"type":"transcript.text.done","text":"${speech.text}"}\n\ndata: [DONE]\n\n`,
      ]),
    );
    const streamed = await eventsOf();
    assert.equal(textOf(streamed), speech.text);
    assert.equal(streamed.at(-1).x_flux.derived, undefined);
  });

  it('are passed over for the next model where they are empty, looped, too short or in another language', async () => {
    const spoilt = [
      '',
      'My uncle',
      `My uncle keeps ${'seven chickens '.repeat(40)}`,
      'これは全く別の言葉です。ありがとうございました。',
    ];
    for (const text of spoilt) {
      vendor.behave(answerJson({ text }));
      const { text: body, headers } = await ask({ model: 'house', language: 'en' });
      assert.match(JSON.parse(body).text, /uncle keeps seven chickens/, text);
      assert.equal(headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
      assert.match(headers.get('x-flux-fallback') ?? '', /openai\/gpt-4o-transcribe;bad_output/);
    }
  });

  it('stand when they are right, at one call', async () => {
    vendor.behave(answerJson({ text: speech.text }));
    const { headers } = await ask({ model: 'house', language: 'en' });
    assert.equal(headers.get('x-flux-routed-model'), 'openai/gpt-4o-transcribe');
    assert.equal(headers.get('x-flux-fallback'), null);
  });

  it('are given all the same when nobody else may be asked, with word of what they leave out', async () => {
    vendor.behave(answerJson({ text: '' }));
    const { status, text, headers } = await ask({});
    assert.deepEqual([status, JSON.parse(text).text], [200, '']);
    assert.ok(Number(headers.get('x-flux-unheard-seconds')) > 3, 'nobody says that speech was left out');
    assert.equal(JSON.parse(text).warnings[0].type, 'speech_not_transcribed');
  });

  it('are empty over silence, whatever a vendor makes of it', async () => {
    vendor.behave(answerJson({ text: 'Thank you for watching!' }));
    const silence = longSpeechWav(10);
    silence.fill(0xff, 46);
    const { text } = await ask({ model: 'house', language: 'en' }, silence);
    assert.equal(JSON.parse(text).text, '');
    vendor.behave(answerJson({ text: '' }));
    const { headers } = await ask({ model: 'house' }, silence);
    assert.equal(headers.get('x-flux-routed-model'), 'openai/gpt-4o-transcribe');
  });

  it("keep a vendor's segments over a long recording, with words inside them", async () => {
    const wav = longSpeechWav(40);
    const { body: own } = await verbose({ model: 'local/moonshine-tiny', 'timestamp_granularities[]': 'segment' }, wav);
    const spoken = own.segments ?? [];
    assert.ok(spoken.length > 5);
    // Rounded to whole seconds, as some vendors do.
    const segments = spoken.map(({ start, end }, id) => {
      return { id, text: helloText, start: Math.floor(start), end: Math.ceil(end) };
    });
    vendor.behave(answerJson({ text: segments.map((one) => one.text).join(' '), language: 'english', segments }));
    const { body, headers } = await verbose({ model: 'openai/whisper-1', 'timestamp_granularities[]': 'word' }, wav);
    assert.equal(headers.get('x-flux-derived'), 'words=aligned');
    assert.equal(body.words?.length, segments.length * 9);
    for (const [index, word] of (body.words ?? []).entries()) {
      const segment = segments[Math.floor(index / 9)]!;
      assert.ok(word.start >= segment.start && word.end <= segment.end, `${word.word} lies outside`);
      assert.ok(word.start >= (body.words?.[index - 1]?.start ?? 0));
      if (index % 9 !== 0) continue;
      const { start } = spoken[Math.floor(index / 9)]!;
      assert.ok(Math.abs(word.start - start) <= 0.2, `${word.word} begins at ${word.start}, not at ${start}`);
    }
  });
});
