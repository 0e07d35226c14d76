import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio } from '../audio/audio.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Call, Provider, ProviderAnswer } from '../providers/contract.ts';
import { AttemptsError, createAttempts } from './attempts.ts';
import type { Plan } from './plan.ts';

const answer: ProviderAnswer = {
  transcript: { text: 'hello', language: 'en', durationMs: 1000, segments: [], words: null, tokens: null, unheard: [] },
  usage: { type: 'duration', durationMs: 1000 },
  unmet: [],
};

/** A provider that does what its script says, call by call, and counts. */
class ScriptedProvider implements Provider {
  readonly id: string;
  calls = 0;
  readonly #script: (call: Call) => Promise<ProviderAnswer>;
  constructor(id: string, script: (call: Call) => Promise<ProviderAnswer>) {
    this.id = id;
    this.#script = script;
  }
  models() {
    return [];
  }
  transcribe(_ask: unknown, call: Call) {
    this.calls++;
    return this.#script(call);
  }
  async close() {}
}

const fails = (code: ErrorCode) => async () => {
  throw new GatewayError(code, code);
};
const answers = async () => answer;
const plan: Plan = {
  resolvedName: 'flux-voice',
  attempts: [
    { modelId: 'first/model', providerId: 'first' },
    { modelId: 'second/model', providerId: 'second' },
  ],
  passedOver: [],
};
const noAudio: Audio = {
  stored: { path: '', sizeBytes: 0 },
  probe: {
    container: 'wav',
    codec: 'pcm',
    sampleRate: 16_000,
    channels: 1,
    durationMs: 1000,
    headerDurationMs: null,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
  },
  async *pcm() {},
};
const ask = {
  audio: noAudio,
  task: 'transcribe',
  language: null,
  prompt: null,
  temperature: null,
  wantWords: false,
  wantLogprobs: false,
} as const;

function run(first: ScriptedProvider, second: ScriptedProvider, more: Partial<Call> = {}) {
  const providers = new Map<string, Provider>([
    ['first', first],
    ['second', second],
  ]);
  return createAttempts({ providers }).run(plan, ask, {
    signal: new AbortController().signal,
    log: silentLog,
    ...more,
  });
}

describe('runAttempts', () => {
  it('asks the next provider after a failure that another could cure, and records both', async () => {
    const result = await run(
      new ScriptedProvider('first', fails('bad_gateway')),
      new ScriptedProvider('second', answers),
    );
    assert.equal(result.attempt.modelId, 'second/model');
    assert.deepEqual(
      result.records.map((one) => one.outcome),
      ['bad_gateway', 'ok'],
    );
  });

  it("never tries another provider after the caller's own mistake", async () => {
    const second = new ScriptedProvider('second', answers);
    await assert.rejects(run(new ScriptedProvider('first', fails('audio_unreadable')), second), {
      code: 'audio_unreadable',
    });
    assert.equal(second.calls, 0);
  });

  it('never tries another provider after the caller has left', async () => {
    const controller = new AbortController();
    const second = new ScriptedProvider('second', answers);
    const first = new ScriptedProvider('first', async () => {
      controller.abort();
      throw new GatewayError('bad_gateway', 'cut off');
    });
    await assert.rejects(run(first, second, { signal: controller.signal }), AttemptsError);
    assert.equal(second.calls, 0);
  });

  it('never tries another provider once finished text has been sent to the caller', async () => {
    const second = new ScriptedProvider('second', answers);
    const segment = {
      text: 'Enough of a text that nobody could take it for noise any more.',
      startMs: 0,
      endMs: 500,
      language: null,
      speaker: null,
      confidence: null,
      avgLogprob: null,
      noSpeechProbability: null,
      tokens: [],
    };
    const first = new ScriptedProvider('first', async (call) => {
      call.onEvent?.({ type: 'segment-final', segment, words: null, tokens: null });
      throw new GatewayError('engine_crashed', 'died');
    });
    await assert.rejects(run(first, second, { onEvent: () => undefined }), { code: 'engine_crashed' });
    assert.equal(second.calls, 0);
  });

  it('turns whatever a provider throws into an error of the table', async () => {
    const broken = async () => {
      throw new TypeError('x is not a function');
    };
    await assert.rejects(run(new ScriptedProvider('first', broken), new ScriptedProvider('second', broken)), {
      code: 'server_error',
    });
  });
});
