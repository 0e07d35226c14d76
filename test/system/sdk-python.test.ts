import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createPythonVenv, hasPython, type PythonVenv } from '../helpers/python-venv.ts';
import { assertSameWords, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

interface Failure {
  readonly class: string;
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  readonly request_id: string;
  readonly message: string;
}
interface Span {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}
interface Verbose {
  readonly text: string;
  readonly language: string;
  readonly duration: number;
  readonly words: readonly { word: string; start: number; end: number }[] | null;
  readonly segments: readonly Span[] | null;
}
type StreamEvent = { type: string; delta?: string; text?: string };

/** What test/system/sdk_openai.py prints. */
interface Results {
  readonly version: string;
  readonly json: { text: string; usage: object };
  readonly headers: Record<string, string>;
  readonly verbose_words: Verbose;
  readonly verbose_segments: Verbose;
  readonly verbose_both: Verbose;
  readonly text: string;
  readonly srt: string;
  readonly vtt: string;
  readonly diarized: { segments: readonly (Span & { speaker: string })[] };
  readonly logprobs: { text: string; logprobs: readonly { token: string; logprob: number }[] };
  readonly stream: readonly StreamEvent[];
  readonly diarized_stream: readonly StreamEvent[];
  readonly async: readonly string[];
  readonly models: readonly string[];
  readonly model: { id: string; owned_by: string };
}

const script = fileURLToPath(new URL('./sdk_openai.py', import.meta.url));
const skip = !(await hasPython()) && 'no python3 here';

describe('the openai SDK for Python', { skip }, () => {
  let server: ServerProcess;
  let python: PythonVenv;
  let results: Results;
  /** Results that are read by name. */
  let byName: Readonly<Record<string, unknown>>;

  before(async () => {
    python = await createPythonVenv(['openai']);
    server = await startServer();
    byName = JSON.parse(await python.run(script, server.url, serverKey, speech.path));
    results = byName as unknown as Results;
  });
  after(async () => {
    await server?.stop();
    await python?.remove();
  });

  it('gets json with the words, the length and the receipt', (context) => {
    context.diagnostic(`openai ${results.version} for Python`);
    assertSameWords(results.json.text, speech.text);
    assert.deepEqual(results.json.usage, { type: 'duration', seconds: speech.seconds });
    assert.equal(results.headers['x-flux-routed-model'], 'local/moonshine-tiny');
    assert.equal(results.headers['x-flux-cost-usd'], '0.016666667');
    assert.match(results.headers['x-request-id'] ?? '', /^req_/);
  });

  it('gets verbose_json with words, with segments and with both', () => {
    const both = results.verbose_both;
    assert.deepEqual([both.language, both.duration], ['english', speech.seconds]);
    assertSameWords(both.words!.map((one) => one.word).join(' '), speech.text);
    assertSameWords(both.segments!.map((one) => one.text).join(''), speech.text);
    assert.deepEqual([results.verbose_words.words, results.verbose_words.segments], [both.words, null]);
    // Without words the ends of segments are the voice's, not those of the last word.
    assert.deepEqual(
      [results.verbose_segments.words, results.verbose_segments.segments!.map((one) => one.text)],
      [null, both.segments!.map((one) => one.text)],
    );
  });

  it('gets text, srt and vtt', () => {
    assertSameWords(results.text, speech.text);
    assert.match(results.srt, /^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n/);
    assert.match(results.vtt, /^WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0\d\.\d{3}\n/);
  });

  it('gets diarized_json and log-probabilities', () => {
    assertSameWords(results.diarized.segments.map((one) => one.text).join(' '), speech.text);
    assert.ok(results.diarized.segments.every((one) => one.speaker === 'A'));
    const { text, logprobs } = results.logprobs;
    assert.equal(
      logprobs
        .map((one) => one.token)
        .join('')
        .trim(),
      text,
    );
    assert.ok(logprobs.every((one) => one.logprob <= 0));
  });

  it('streams deltas that add up to the last event, and speaker segments', () => {
    const { stream } = results;
    const deltas = stream.map((one) => (one.type === 'transcript.text.delta' ? one.delta : '')).join('');
    assertSameWords(deltas, speech.text);
    assert.deepEqual([stream.at(-1)!.type, stream.at(-1)!.text], ['transcript.text.done', deltas]);
    const segments = results.diarized_stream.filter((one) => one.type === 'transcript.text.segment');
    assertSameWords(segments.map((one) => one.text).join(' '), speech.text);
  });

  const ways = ['open_file', 'raw_bytes', 'tuple', 'vad_object', 'extra_fields', 'everything', 'without_v1'];
  for (const name of ways) {
    it(`gets the same words by way of ${name.replaceAll('_', ' ')}`, () => {
      assertSameWords(String(byName[name]), speech.text);
    });
  }

  it('gets four answers at once from the asynchronous client', () => {
    assert.equal(results.async.length, 4);
    for (const text of results.async) assertSameWords(text, speech.text);
  });

  it('lists the models and finds one whose id has a slash', () => {
    assert.deepEqual(results.models, [
      'akro-v1',
      'flux-voice',
      'flux-voice-accurate',
      'flux-voice-fast',
      'local/moonshine-tiny',
    ]);
    assert.deepEqual([results.model.id, results.model.owned_by], ['local/moonshine-tiny', 'local']);
  });

  const failures = [
    ['wrong_key', 'AuthenticationError', 401, 'invalid_api_key', null],
    ['bad_format', 'BadRequestError', 400, 'invalid_value', 'response_format'],
    ['bad_temperature', 'BadRequestError', 400, 'invalid_value', 'temperature'],
    ['bad_granularity', 'BadRequestError', 400, 'invalid_value', 'timestamp_granularities'],
    ['other_language', 'BadRequestError', 400, 'unsupported_language', 'language'],
    ['no_translation', 'BadRequestError', 400, 'unsupported_value', 'model'],
    ['no_sound', 'BadRequestError', 400, 'unsupported_audio', 'file'],
    ['empty_file', 'BadRequestError', 400, 'missing_file', 'file'],
    ['damaged', 'BadRequestError', 400, 'audio_unreadable', 'file'],
    ['no_such_model', 'NotFoundError', 404, 'model_not_found', 'model'],
    ['no_such_model_listed', 'NotFoundError', 404, 'model_not_found', 'model'],
    ['too_large', 'APIStatusError', 413, 'payload_too_large', 'file'],
    ['no_file', 'APIStatusError', 415, 'unsupported_media_type', null],
  ] as const;
  for (const [name, expected, status, code, param] of failures) {
    it(`raises ${expected} ${status} ${code} for ${name.replaceAll('_', ' ')}`, () => {
      const failure = byName[name] as Failure;
      assert.deepEqual([failure.class, failure.status, failure.code], [expected, status, code]);
      assert.ok(param === null ? failure.param === null : failure.param?.startsWith(param), String(failure.param));
      assert.match(failure.request_id, /^req_/);
    });
  }

  it('is told which model to pull for a language that nothing installed speaks', () => {
    assert.match((byName.other_language as Failure).message, /fluxscribe models pull whisper-base/);
  });
});
