import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI, { toFile } from 'openai';
import { createPythonVenv, hasPython, type PythonVenv } from '../helpers/python-venv.ts';
import { makeRefusedCallers, type RefusedCallers } from '../helpers/refused-callers.ts';
import { assertSameWords, speech } from '../helpers/speech.ts';
import { type ServerProcess, startServer } from '../helpers/start-server.ts';

/** The names of the SDKs' classes; both have none of their own for 402 and 413. */
const classOf: Readonly<Record<number, { readonly node: string; readonly python: string }>> = {
  401: { node: 'AuthenticationError', python: 'AuthenticationError' },
  402: { node: 'APIError', python: 'APIStatusError' },
  403: { node: 'PermissionDeniedError', python: 'PermissionDeniedError' },
  404: { node: 'NotFoundError', python: 'NotFoundError' },
  413: { node: 'APIError', python: 'APIStatusError' },
  429: { node: 'RateLimitError', python: 'RateLimitError' },
};
const script = fileURLToPath(new URL('./sdk_refusals.py', import.meta.url));
// Bytes: a read stream could not be sent again, and the SDK does not try.
const clip = readFileSync(speech.path);
const skipPython = !(await hasPython()) && 'no python3 here';

interface Refusal {
  readonly class: string;
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  readonly retry_after: string | null;
  /** Requests that the SDK made of it. */
  readonly calls: number;
}

function checkRefusal(refusal: Refusal, call: RefusedCallers['calls'][number], sdk: 'node' | 'python'): void {
  const { status, code, name } = call;
  assert.deepEqual([refusal.class, refusal.status, refusal.code], [classOf[status]?.[sdk], status, code], name);
  assert.match(refusal.message, /[a-z]{3,} [a-z]{2,}/, `${name} is told in words`);
  assert.equal(refusal.calls, 1, `${name} is asked once: another try would not help`);
}

describe('callers that are refused', () => {
  let server: ServerProcess;
  let callers: RefusedCallers;
  before(async () => {
    server = await startServer({ FLUXSCRIBE_ENGINE_WORKERS: '1' });
    callers = await makeRefusedCallers(server.url);
  });
  after(() => server?.stop());

  /** With the SDK's own number of tries, unless told otherwise. */
  const transcribe = async (apiKey: string, model: string, statuses: number[], more: { maxRetries?: number } = {}) => {
    const counted: typeof fetch = async (...args) => {
      const response = await fetch(...args);
      // The SDK tries out what our fetch can, at a data: address.
      if (response.url.startsWith('http')) statuses.push(response.status);
      return response;
    };
    const client = new OpenAI({ apiKey, baseURL: `${server.url}/v1`, fetch: counted, ...more });
    return client.audio.transcriptions.create({ file: await toFile(clip, 'speech.ogg'), model });
  };
  const refusalOf = async (apiKey: string, model: string, more: { maxRetries?: number } = {}): Promise<Refusal> => {
    const statuses: number[] = [];
    try {
      await transcribe(apiKey, model, statuses, more);
    } catch (thrown) {
      assert.ok(thrown instanceof OpenAI.APIError, String(thrown));
      const { status, code, message, headers } = thrown;
      return {
        class: thrown.constructor.name,
        status: status ?? 0,
        code: code ?? null,
        message,
        retry_after: headers?.get('retry-after') ?? null,
        calls: statuses.length,
      };
    }
    return assert.fail('the request succeeded');
  };

  it('see their own class, code and words in the openai SDK for Node', async () => {
    for (const call of callers.calls) checkRefusal(await refusalOf(call.key, call.model), call, 'node');
  });

  it('are served by the next try of the openai SDK for Node when they asked too often', async () => {
    const { key } = callers.hurried;
    const statuses: number[] = [];
    // On a slow machine there may be room again before the next line asks.
    while (statuses.length < 2) {
      let refusal: Refusal;
      do {
        refusal = await refusalOf(key, 'gpt-9-ears', { maxRetries: 0 });
      } while (refusal.status !== 429);
      assert.deepEqual([refusal.class, refusal.code], ['RateLimitError', 'rate_limit_exceeded']);
      assert.match(refusal.retry_after ?? '', /^[123]$/);
      statuses.length = 0;
      const { text } = await transcribe(key, 'flux-voice', statuses);
      assertSameWords(text, speech.text);
    }
    assert.deepEqual(statuses, [429, 200]);
  });

  describe('in the openai SDK for Python', { skip: skipPython }, () => {
    let python: PythonVenv;
    let results: {
      readonly refusals: Readonly<Record<string, Refusal>>;
      readonly limited: Refusal;
      readonly retries: number;
      readonly text: string;
    };
    before(async () => {
      python = await createPythonVenv(['openai']);
      const child = spawn(join(python.binDir, 'python'), [script, server.url, speech.path], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdin.end(JSON.stringify(callers));
      let output = '';
      for await (const text of child.stdout.setEncoding('utf8')) output += text;
      results = JSON.parse(output);
    });
    after(() => python?.remove());

    it('see their own class, code and words', () => {
      for (const call of callers.calls) checkRefusal(results.refusals[call.name]!, call, 'python');
    });

    it('are served by its next try when they asked too often', () => {
      assert.deepEqual([results.limited.class, results.limited.code], ['RateLimitError', 'rate_limit_exceeded']);
      assert.equal(results.retries, 1);
      assertSameWords(results.text, speech.text);
    });
  });
});
