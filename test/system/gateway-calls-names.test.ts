import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fixtureBytes, samples16, wavFile } from '../helpers/audio-files.ts';
import { answerJson, type FakeVendor, formOf, startFakeVendor } from '../helpers/fake-vendor.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/**
 * Vendors judge a recording by its file's name or by its type, and callers name theirs anyhow: the same Ogg passes as
 * `voice.ogg` and fails as `voice.opus`. Whatever comes in, the vendor sees the name and type of what is in the bytes.
 */

/** What lies in the bytes, and under which name and type vendors take it. */
const recordings: readonly (readonly [what: string, bytes: Uint8Array<ArrayBufferLike>, name: string, type: string])[] =
  [
    [
      'WAV',
      wavFile(
        { formatTag: 1, bits: 16 },
        samples16(16_000, 16_000, () => 0),
      ),
      'audio.wav',
      'audio/wav',
    ],
    ['MP3', fixtureBytes('made-gapless.mp3'), 'audio.mp3', 'audio/mpeg'],
    ['FLAC', fixtureBytes('made-flac.flac'), 'audio.flac', 'audio/flac'],
    ['Ogg with Opus', fixtureBytes('made-opus.ogg'), 'audio.ogg', 'audio/ogg'],
    ['Ogg with Vorbis', fixtureBytes('made-vorbis.ogg'), 'audio.ogg', 'audio/ogg'],
    ['MP4', fixtureBytes('made-aac.m4a'), 'audio.mp4', 'audio/mp4'],
    ['fragmented MP4', fixtureBytes('made-aac-fragmented.mp4'), 'audio.mp4', 'audio/mp4'],
    ['what a browser records', fixtureBytes('made-opus-live.webm'), 'audio.webm', 'audio/webm'],
    ['an MPEG program stream', fixtureBytes('made-program-stream.mpeg'), 'audio.mpeg', 'video/mpeg'],
  ];
const names = ['voice.opus', 'audio.wav', 'clip.mp3', 'recording', 'Запись 1.ogg', 'a"b;c.exe'];
const types = ['application/octet-stream', 'audio/wav', 'audio/ogg; codecs=opus', 'text/plain'];

let openai: FakeVendor;
let deepgram: FakeVendor;
let box: FakeVendor;
let server: ServerProcess;
before(async () => {
  const text = 'Two tickets, please.';
  [openai, deepgram, box] = await Promise.all([
    startFakeVendor(answerJson({ text })),
    startFakeVendor(answerJson({ results: { channels: [{ alternatives: [{ transcript: text, words: [] }] }] } })),
    startFakeVendor(answerJson({ text })),
  ]);
  server = await startServer({
    OPENAI_API_KEY: 'sk-1',
    OPENAI_BASE_URL: openai.url,
    DEEPGRAM_API_KEY: 'dg-1',
    DEEPGRAM_BASE_URL: deepgram.url,
    FLUXSCRIBE_PROVIDERS: JSON.stringify([
      { id: 'box', kind: 'whisper.cpp', baseUrl: box.url, models: [{ name: 'base' }] },
    ]),
  });
});
after(async () => {
  await server?.stop();
  await Promise.all([openai, deepgram, box].map((vendor) => vendor?.close()));
});
beforeEach(() => {
  for (const vendor of [openai, deepgram, box]) vendor.requests.length = 0;
});

async function transcribe(model: string, bytes: Uint8Array, name: string, type: string): Promise<void> {
  const form = new FormData();
  form.append('model', model);
  form.append('file', new File([new Uint8Array(bytes)], name, { type }));
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverKey}` },
    body: form,
  });
  assert.equal(response.status, 200, `${name} as ${type}: ${await response.text()}`);
}

describe('whatever a recording is called', () => {
  for (const [what, bytes, canonicalName, canonicalType] of recordings) {
    it(`${what} reaches a vendor's form as ${canonicalName}, ${canonicalType}, byte for byte`, async () => {
      for (const name of names) {
        for (const type of types) await transcribe('openai/whisper-1', bytes, name, type);
      }
      assert.equal(openai.requests.length, names.length * types.length);
      for (const request of openai.requests) {
        const file = (await formOf(request)).get('file');
        assert.ok(file instanceof File);
        assert.deepEqual([file.name, file.type], [canonicalName, canonicalType]);
        assert.ok(Buffer.from(await file.arrayBuffer()).equals(bytes));
      }
    });

    it(`${what} reaches a vendor that takes bare bytes as ${canonicalType}`, async () => {
      await transcribe('deepgram/nova-3', bytes, 'voice.opus', 'text/plain');
      const [request] = deepgram.requests;
      assert.equal(request?.headers['content-type'], canonicalType);
      assert.ok(request.body.equals(bytes));
    });

    it(`${what} reaches a server that reads WAV alone as WAV`, async () => {
      await transcribe('box/base', bytes, 'voice.opus', 'text/plain');
      const file = (await formOf(box.requests[0]!)).get('file');
      assert.ok(file instanceof File);
      assert.deepEqual([file.name, file.type], ['audio.wav', 'audio/wav']);
      const sent = Buffer.from(await file.arrayBuffer());
      assert.equal(sent.toString('latin1', 0, 4), 'RIFF');
      assert.deepEqual([sent.readUInt16LE(22), sent.readUInt32LE(24), sent.readUInt16LE(34)], [1, 16_000, 16]);
    });
  }

  it("bare AAC, which is not on OpenAI's list, reaches it as WAV", async () => {
    await transcribe('openai/whisper-1', fixtureBytes('made-aac.aac'), 'audio.aac', 'audio/aac');
    const file = (await formOf(openai.requests[0]!)).get('file');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], ['audio.wav', 'audio/wav']);
    // 1.28 s of 16-bit sound at 16 kHz.
    assert.equal(file.size, 44 + 1280 * 32);
  });
});
