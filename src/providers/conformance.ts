import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  answerHuge,
  answerText,
  answerTruncated,
  type FakeVendor,
  resetConnection,
  stall,
  startFakeVendor,
  type VendorBehaviour,
  type VendorRequest,
} from '../../test/helpers/fake-vendor.ts';
import { type MadeAudio, makeAudio, privateFileName } from '../../test/helpers/made-audio.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Provider, ProviderAnswer, ProviderAsk } from './contract.ts';
import type { ReplyTimeouts } from './support/reply-timeouts.ts';

/** Where and how the provider under test reaches its vendor. */
export interface ConformanceVendor {
  /** `http://127.0.0.1:PORT`, the whole base of the vendor's addresses. */
  readonly url: string;
  readonly key: string;
  /** Short, so that a vendor that says nothing costs the suite little. */
  readonly timeouts: ReplyTimeouts;
}

/** An adapter, and how its vendor behaves when all is well. */
export interface ConformanceSubject {
  createProvider(vendor: ConformanceVendor): Provider;
  /** A model of its cards, as callers name it. */
  readonly modelId: string;
  /** Answers every request of a good conversation. */
  readonly goodVendor: VendorBehaviour;
  /** The text of that conversation. */
  readonly goodText: string;
  /** An error body in the vendor's own shape, with this message. */
  errorBody(message: string, status: number): string;
  /**
   * Which requests a conversation has, in order, when there is more than one: everything that can go wrong is tried at
   * each of them.
   */
  readonly steps?: readonly ConformanceStep[];
}

export interface ConformanceStep {
  readonly name: string;
  matches(request: VendorRequest): boolean;
}

const key = 'sk-conformance-0123456789abcdef';
const durationMs = 2000;
/** No good answer takes this long, on the busiest machine; and a vendor that says nothing is not waited for longer. */
const patient: ReplyTimeouts = { baseMs: 20_000, perAudioMs: 0 };
const impatient: ReplyTimeouts = { baseMs: 150, perAudioMs: 0 };

/** What every provider promises (contract.ts), tried against a vendor on loopback that misbehaves in every way. */
export function describeConformance(name: string, subject: ConformanceSubject): void {
  // One vendor for all of them: one after the other, also where several suites run at a time.
  describe(`${name} keeps the contract of providers`, { concurrency: 1 }, () => {
    let vendor: FakeVendor;
    let provider: Provider;
    let impatientProvider: Provider;
    let made: MadeAudio;
    before(async () => {
      [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(durationMs)]);
      provider = subject.createProvider({ url: vendor.url, key, timeouts: patient });
      impatientProvider = subject.createProvider({ url: vendor.url, key, timeouts: impatient });
    });
    after(async () => {
      await Promise.all([provider.close(), impatientProvider.close()]);
      await Promise.all([vendor.close(), made.remove()]);
    });
    beforeEach(() => {
      vendor.requests.length = 0;
      vendor.behave(subject.goodVendor);
    });

    const ask = (more: Partial<ProviderAsk> = {}): ProviderAsk => ({
      audio: made.audio,
      modelId: subject.modelId,
      task: 'transcribe',
      language: null,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
      ...more,
    });
    const transcribe = (signal: AbortSignal = new AbortController().signal, more: Partial<ProviderAsk> = {}) =>
      provider.transcribe(ask(more), { signal, log: silentLog });

    it('has a card for the model without asking anybody', () => {
      assert.ok(provider.models().some((card) => card.id === subject.modelId));
      assert.equal(vendor.requests.length, 0);
    });

    it('answers with text, and with times inside the recording that never go back', async () => {
      for (const wantWords of [false, true]) {
        const answer = await transcribe(undefined, { wantWords });
        assert.equal(answer.transcript.text, subject.goodText);
        assertSound(answer, wantWords);
      }
    });

    it('tells the vendor neither what the file was called nor where it lies', async () => {
      await transcribe();
      for (const { path, headers, body } of vendor.requests) {
        const whole = `${path} ${JSON.stringify(headers)} ${body.toString('latin1')}`;
        assert.ok(!whole.includes(privateFileName));
      }
    });

    it('sends the key that it was made with, and nobody can tell another from it', async () => {
      const other = 'sk-of-an-account-fedcba9876543210';
      const own = subject.createProvider({ url: vendor.url, key: other, timeouts: patient });
      try {
        await own.transcribe(ask(), { signal: new AbortController().signal, log: silentLog });
      } finally {
        await own.close();
      }
      assert.ok(vendor.requests.length > 0);
      for (const { headers } of vendor.requests) {
        const sent = JSON.stringify(headers);
        assert.ok(sent.includes(other) && !sent.includes(key), 'a request without its own key alone');
      }
    });

    it('tells a good key from one that the vendor refuses, where it has a question for that', async () => {
      const { signal } = new AbortController();
      if (!provider.checkKey) return;
      vendor.behave(answerText('{"data": []}', 200, { 'content-type': 'application/json' }));
      await provider.checkKey(signal);
      assert.equal(vendor.requests.length, 1);
      assert.equal(vendor.requests[0]?.method, 'GET');
      assert.ok(JSON.stringify(vendor.requests[0]?.headers).includes(key));
      vendor.behave(answerText(subject.errorBody(`No: ${key}`, 401), 401, { 'content-type': 'application/json' }));
      await fails(provider.checkKey(signal), { code: 'provider_key_refused' });
      vendor.behave(stall);
      await fails(provider.checkKey(AbortSignal.abort()), { code: 'client_closed_request' });
    });

    it('refuses a model that it does not have', async () => {
      await fails(transcribe(undefined, { modelId: 'nobody/no-such-model' }), { next: 'try-other' });
      assert.equal(vendor.requests.length, 0);
    });

    it('asks nobody when the caller has already left', async () => {
      await fails(transcribe(AbortSignal.abort()), { code: 'client_closed_request' });
      assert.equal(vendor.requests.length, 0);
    });

    for (const step of subject.steps ?? [{ name: 'request', matches: () => true }]) {
      describe(`when its ${step.name} goes wrong`, { concurrency: 1 }, () => {
        const at = (behaviour: VendorBehaviour): VendorBehaviour => {
          return (request, response) => (step.matches(request) ? behaviour : subject.goodVendor)(request, response);
        };
        /** The conversation fails as expected, and the step was asked for exactly once. */
        const failsWith = async (behaviour: VendorBehaviour, expected: Expected, by = provider) => {
          vendor.behave(at(behaviour));
          const { signal } = new AbortController();
          const error = await fails(by.transcribe(ask(), { signal, log: silentLog }), expected);
          assert.equal(vendor.requests.filter((one) => step.matches(one)).length, 1, 'tried again by itself');
          return error;
        };
        const refusal = (status: number, headers: Record<string, string> = {}) =>
          answerText(subject.errorBody(`No: ${key}`, status), status, {
            'content-type': 'application/json',
            ...headers,
          });

        it("ends at the vendor's socket when the caller leaves", async () => {
          vendor.behave(at(stall));
          const caller = new AbortController();
          const failure = fails(transcribe(caller.signal), { code: 'client_closed_request' });
          const reached = await requestAt(vendor, step);
          caller.abort();
          await failure;
          assert.equal(await reached.ended, 'cut');
        });

        it('ends with the deadline', async () => {
          vendor.behave(at(stall));
          const deadline = new AbortController();
          const failure = fails(transcribe(deadline.signal), { code: 'timeout' });
          // Only once it has arrived: on a busy machine it would be counted as one of the next test.
          await requestAt(vendor, step);
          deadline.abort(new DOMException('The operation timed out.', 'TimeoutError'));
          await failure;
        });

        it('lets another provider try when the vendor has too many requests, and says when to come back', async () => {
          const error = await failsWith(refusal(429, { 'retry-after': '7' }), { next: 'try-other', blame: 'provider' });
          assert.equal(error.retryAfterSeconds, 7);
          assert.equal(error.origin, 'provider');
        });

        for (const status of [401, 403]) {
          it(`lets another provider try when the key is refused with ${status}`, async () => {
            await failsWith(refusal(status), { code: 'provider_key_refused', next: 'try-other' });
          });
        }

        for (const status of [400, 413, 415, 422]) {
          it(`gives ${status} back at once: the caller's input is to blame`, async () => {
            const error = await failsWith(refusal(status), { next: 'stop', blame: 'caller' });
            assert.equal(error.origin, 'provider');
          });
        }

        for (const status of [302, 404, 500, 502, 503, 504]) {
          it(`lets another provider try after ${status}`, async () => {
            await failsWith(refusal(status, { location: `${vendor.url}/elsewhere` }), { next: 'try-other' });
          });
        }

        it('lets another provider try when the vendor says nothing', async () => {
          await failsWith(stall, { code: 'timeout', next: 'try-other' }, impatientProvider);
        });

        const broken: readonly (readonly [what: string, behaviour: VendorBehaviour, code: ErrorCode])[] = [
          ['the connection is reset', resetConnection, 'bad_gateway'],
          ['the reply is cut off', answerTruncated('{"text": "Two tick'), 'bad_gateway'],
          ['the reply is JSON that ends too early', answerText('{"text": "Two tick'), 'bad_gateway'],
          ['the reply is no JSON', answerText('<html>Welcome to the proxy.</html>'), 'bad_gateway'],
          ['the reply is JSON of another shape', answerText('[{"hello": 1}]'), 'bad_gateway'],
          ['the reply is empty', answerText(''), 'bad_gateway'],
          ['the reply never ends', answerHuge(64 * 1024 * 1024), 'bad_gateway'],
        ];
        for (const [what, behaviour, code] of broken) {
          it(`lets another provider try when ${what}`, async () => {
            await failsWith(behaviour, { code, next: 'try-other' });
          });
        }
      });
    }
  });
}

interface Expected {
  readonly code?: ErrorCode;
  readonly next?: GatewayError['next'];
  readonly blame?: GatewayError['blame'];
}

/** The GatewayError that a call rejects with. Neither it nor its causes may show the key. */
async function fails(call: Promise<unknown>, expected: Expected): Promise<GatewayError> {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GatewayError, inspect(error));
  const { code, next, blame } = error;
  const seen: Record<string, unknown> = { code, next, blame };
  for (const [trait, value] of Object.entries(expected))
    assert.equal(seen[trait], value, `${trait} of ${inspect(error)}`);
  assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(key), 'the error shows the key');
  return error;
}

async function requestAt(vendor: FakeVendor, step: ConformanceStep): Promise<VendorRequest> {
  for (let index = 0; ; index++) {
    const request = await vendor.arrived(index);
    if (step.matches(request)) return request;
  }
}

function assertSound({ transcript, usage, unmet }: ProviderAnswer, wantWords: boolean): void {
  assert.equal(transcript.durationMs, durationMs);
  assert.equal(transcript.text, transcript.text.trim());
  for (const spans of [transcript.segments, transcript.words ?? []]) {
    let lastStartMs = 0;
    for (const { startMs, endMs, text, confidence } of spans) {
      assert.ok(Number.isInteger(startMs) && Number.isInteger(endMs));
      assert.ok(startMs >= lastStartMs && startMs <= endMs && endMs <= durationMs, inspect(spans));
      assert.equal(text, text.trim());
      assert.ok(confidence === null || (confidence >= 0 && confidence <= 1));
      lastStartMs = startMs;
    }
  }
  if (wantWords) assert.equal(unmet.includes('word-times'), transcript.words === null, '`unmet` is honest');
  if (usage.type === 'duration') assert.ok(usage.durationMs >= 0 && Number.isFinite(usage.durationMs));
  else assert.ok(Number.isInteger(usage.inputTokens) && Number.isInteger(usage.outputTokens));
}
