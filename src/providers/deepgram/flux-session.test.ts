import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  type FakeSocketVendor,
  type SocketBehaviour,
  startFakeSocketVendor,
  type VendorSocket,
} from '../../../test/helpers/fake-socket-vendor.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { createGuardedFetch } from '../../net/guarded-fetch.ts';
import { createOutboundSockets } from '../../net/outbound-socket.ts';
import type { Call, Provider, ProviderAsk } from '../contract.ts';
import { createDeepgramProvider } from './deepgram-provider.ts';
import { fluxAheadMs } from './flux-pace.ts';
import type { DeepgramModel } from './models.ts';

const flux: DeepgramModel = {
  card: {
    id: 'deepgram/flux',
    features: ['transcribe', 'stream', 'word-times', 'segment-times'],
    languages: ['en', 'de', 'es'],
    maxDurationMs: null,
    maxUploadBytes: null,
  },
  name: 'flux-general',
};
const shelf = {
  findModel: (modelId: string) => (modelId === flux.card.id ? flux : null),
  models: () => [flux.card],
};
const twoTurns: readonly unknown[] = JSON.parse(
  readFileSync(new URL('recordings/flux-two-turns.json', import.meta.url), 'utf8'),
);
const key = 'sk-flux-0123456789';
const bytesPerMs = 32;

/** Says the recorded turns once the sound has ended, then closes without a code, as Flux does. */
const goodVendor: SocketBehaviour = {
  onText(_text, socket) {
    for (const message of twoTurns) socket.sendText(JSON.stringify(message));
    socket.close(null);
  },
};

describe('a Flux session', () => {
  let vendor: FakeSocketVendor;
  let provider: Provider;
  let made: MadeAudio;
  const sockets = createOutboundSockets();
  const http = createGuardedFetch({ trustedOrigins: [] });
  before(async () => {
    [vendor, made] = await Promise.all([startFakeSocketVendor(), makeAudio(4200)]);
    provider = create(10_000);
  });
  beforeEach(() => vendor.behave(goodVendor));
  after(async () => {
    await provider.close();
    await Promise.all([sockets.close(), http.close(), vendor.close(), made.remove()]);
  });

  const create = (baseMs: number) =>
    createDeepgramProvider({
      apiKey: key,
      baseUrl: vendor.url,
      ...shelf,
      http,
      sockets,
      timeouts: { baseMs, perAudioMs: 0 },
    });
  const transcribe = (more: Partial<ProviderAsk> = {}, call: Partial<Call> = {}) =>
    provider.transcribe(
      {
        audio: made.audio,
        modelId: flux.card.id,
        task: 'transcribe',
        language: null,
        prompt: null,
        temperature: null,
        wantWords: true,
        wantLogprobs: false,
        ...more,
      },
      { signal: new AbortController().signal, log: silentLog, ...call },
    );

  const fails = async (behaviour: SocketBehaviour, expected: Partial<GatewayError>, call: Partial<Call> = {}) => {
    vendor.behave(behaviour);
    const before = vendor.handshakes;
    await assert.rejects(transcribe({}, call), (error: unknown) => {
      assert.ok(error instanceof GatewayError, inspect(error));
      for (const [trait, value] of Object.entries(expected))
        assert.equal(Reflect.get(error, trait), value, `${trait} of ${inspect(error)}`);
      assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(key), 'the error shows the key');
      return true;
    });
    assert.equal(vendor.handshakes - before, 1, 'tried again by itself');
  };

  it('sends all sound in frames of 80 ms and then the wish to end, and answers with the turns', async () => {
    const { transcript, usage, unmet } = await transcribe();
    assert.equal(transcript.text, 'Is the cafe open? Until six.');
    assert.equal(transcript.words?.length, 6);
    assert.deepEqual(usage, { type: 'duration', durationMs: 4200 });
    assert.deepEqual(unmet, []);
    const socket = vendor.sockets.at(-1)!;
    assert.equal(socket.binaryBytes, 4200 * bytesPerMs);
    assert.deepEqual(
      socket.frames.slice(0, -2).map((frame) => frame.length),
      new Array(52).fill(80 * bytesPerMs),
    );
    assert.equal(socket.frames.at(-1), '{"type":"CloseStream"}');
  });

  it('asks for the right model and language, with the key in a header alone', async () => {
    const queryOf = async (language: string | null) => {
      await transcribe({ language });
      const { path, headers } = vendor.sockets.at(-1)!;
      assert.equal(headers.authorization, `Token ${key}`);
      assert.ok(!path.includes(key));
      const { pathname, searchParams } = new URL(path, vendor.url);
      assert.equal(pathname, '/v2/listen');
      return Object.fromEntries(searchParams);
    };
    const common = { encoding: 'linear16', sample_rate: '16000' };
    assert.deepEqual(await queryOf(null), { ...common, model: 'flux-general-multi' });
    assert.deepEqual(await queryOf('en'), { ...common, model: 'flux-general-en' });
    assert.deepEqual(await queryOf('de'), { ...common, model: 'flux-general-multi', language_hint: 'de' });
  });

  it('is not further ahead of the vendor than it has heard, and goes on as it hears', async () => {
    const long = await makeAudio(30_000);
    const aheadBytes: number[] = [];
    let heardMs = 0;
    vendor.behave({
      onBinary(_bytes, socket) {
        aheadBytes.push(socket.binaryBytes - heardMs * bytesPerMs);
        // Every second of sound is acknowledged when a whole second more has come.
        if (socket.binaryBytes < (heardMs + 1000) * bytesPerMs) return;
        heardMs += 1000;
        socket.sendText(JSON.stringify(update(heardMs)));
      },
      onText: (_text, socket) => socket.close(null),
    });
    try {
      const { transcript } = await transcribe({ audio: long.audio });
      assert.equal(transcript.text, '');
      assert.equal(vendor.sockets.at(-1)!.binaryBytes, 30_000 * bytesPerMs);
      // One frame of slack: the acknowledgement and the next frame may cross.
      assert.ok(Math.max(...aheadBytes) <= (fluxAheadMs + 1000) * bytesPerMs, `${Math.max(...aheadBytes)}`);
    } finally {
      await long.remove();
    }
  });

  it('hands out finished turns while it still listens', async () => {
    const texts: string[] = [];
    await transcribe({}, { onEvent: (event) => event.type === 'segment-final' && texts.push(event.segment.text) });
    assert.deepEqual(texts, ['Is the cafe open?', 'Until six.']);
  });

  it('says which wishes Flux cannot fulfil', async () => {
    const { unmet } = await transcribe({ prompt: 'Zermatt', temperature: 1, wantLogprobs: true });
    assert.deepEqual(unmet.toSorted(), ['logprobs', 'prompt', 'temperature']);
  });

  it("ends at the vendor's socket when the caller leaves, before and after all sound was sent", async () => {
    const moments: SocketBehaviour[] = [{ onBinary: () => caller.abort() }, { onText: () => caller.abort() }];
    let caller = new AbortController();
    for (const behaviour of moments) {
      caller = new AbortController();
      await fails(behaviour, { code: 'client_closed_request' }, { signal: caller.signal });
      await vendor.sockets.at(-1)!.gone;
    }
  });

  it('asks nobody when the caller has already left', async () => {
    const before = vendor.handshakes;
    await assert.rejects(transcribe({}, { signal: AbortSignal.abort() }), { code: 'client_closed_request' });
    assert.equal(vendor.handshakes, before);
  });

  it('ends with the deadline, also while it waits for a vendor that hears nothing', async () => {
    await fails({}, { code: 'timeout' }, { signal: AbortSignal.timeout(100) });
    const long = await makeAudio(20_000);
    vendor.behave({});
    await assert.rejects(transcribe({ audio: long.audio }, { signal: AbortSignal.timeout(100) }), { code: 'timeout' });
    await long.remove();
  });

  it('waits only so long for the end of the stream', async () => {
    const patient = provider;
    provider = create(100);
    try {
      await fails({}, { code: 'timeout', next: 'try-other', origin: 'provider' });
    } finally {
      provider = patient;
    }
    await vendor.sockets.at(-1)!.gone;
  });

  it('lets another provider try when the handshake is refused', async () => {
    await fails({ refuse: { status: 401 } }, { code: 'provider_key_refused' });
    await fails({ refuse: { status: 402 } }, { code: 'provider_key_refused' });
    await fails(
      { refuse: { status: 429, headers: { 'retry-after': '7' } } },
      { code: 'service_unavailable', retryAfterSeconds: 7 },
    );
    await fails({ refuse: { status: 302, headers: { location: 'http://127.0.0.1:9/' } } }, { code: 'bad_gateway' });
    await fails({ refuse: { status: 500 } }, { code: 'bad_gateway' });
  });

  it('lets another provider try when the stream ends early or badly', async () => {
    const at = (act: (socket: VendorSocket) => void) => [
      { onOpen: act },
      { onText: (_text: string, socket: VendorSocket) => act(socket) },
    ];
    for (const moment of at((socket) => socket.break())) await fails(moment, { code: 'bad_gateway' });
    for (const moment of at((socket) => socket.close(1011))) await fails(moment, { code: 'service_unavailable' });
    for (const moment of at((socket) => socket.close(1008))) await fails(moment, { code: 'bad_gateway' });
  });

  it('takes no part of a recording for the whole when the vendor closes politely in the middle', async () => {
    const long = await makeAudio(20_000);
    for (const code of [null, 1000]) {
      vendor.behave({ onBinary: (_bytes, socket) => socket.close(code) });
      await assert.rejects(transcribe({ audio: long.audio }), { code: 'bad_gateway', next: 'try-other' });
    }
    await long.remove();
  });

  it('lets another provider try after an error message or nonsense', async () => {
    const saying = (text: string): SocketBehaviour => ({
      onText(_text, socket) {
        socket.sendText(text);
        socket.close(1011);
      },
    });
    await fails(saying('{"type":"Error","sequence_id":1,"code":"INTERNAL_SERVER_ERROR","description":"x"}'), {
      code: 'service_unavailable',
    });
    await fails(saying('{"type":"Error","sequence_id":1,"code":"UNPARSABLE_CLIENT_MESSAGE"}'), { code: 'bad_gateway' });
    await fails(saying('<html>'), { code: 'bad_gateway' });
    await fails(saying('[1]'), { code: 'bad_gateway' });
  });

  it("gives the decoder's own failure back", async () => {
    const broken = {
      ...made.audio,
      // biome-ignore lint/correctness/useYield: it fails before its first chunk.
      async *pcm() {
        throw new GatewayError('audio_unreadable', 'The file has no sound in it.');
      },
    };
    await assert.rejects(transcribe({ audio: broken }), { code: 'audio_unreadable' });
    await vendor.sockets.at(-1)!.gone;
  });

  it('ends with the provider', async () => {
    const own = create(10_000);
    vendor.behave({ onText: () => void own.close() });
    const call = { signal: new AbortController().signal, log: silentLog };
    const ask: ProviderAsk = {
      audio: made.audio,
      modelId: flux.card.id,
      task: 'transcribe',
      language: null,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
    };
    await assert.rejects(own.transcribe(ask, call), { code: 'service_unavailable' });
    await vendor.sockets.at(-1)!.gone;
  });
});

function update(heardMs: number) {
  return {
    type: 'TurnInfo',
    event: 'Update',
    turn_index: 0,
    audio_window_start: 0,
    audio_window_end: heardMs / 1000,
    transcript: '',
    words: [],
  };
}
