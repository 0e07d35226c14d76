import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fixtureBytes } from '../helpers/audio-files.ts';
import { runCli } from '../helpers/run-cli.ts';

describe('explaining routes on the command line', () => {
  let cwd = '';
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), 'explain-test-'));
    writeFileSync(join(cwd, 'clip.ogg'), fixtureBytes('made-opus.ogg'));
  });
  after(() => rmSync(cwd, { recursive: true }));
  const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(argv, { cwd, env: { FLUXSCRIBE_MODELS: join(cwd, 'none'), ...env } });

  it('tells the attempts of a model in order, their pieces, and what is passed over, without loading anything', async () => {
    const result = await run(['explain', 'whisper-1', '--size', '30000000'], { OPENAI_API_KEY: 'sk-test' });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(
      result.stdout,
      [
        'whisper-1 (openai/whisper-1), $0.006 a minute',
        '   1  openai/whisper-1, by openai, in pieces of at most 26.2 MB, 4 at a time',
        '  passed over:',
        "      alibaba/sensevoice-small  Its provider 'siliconflow' is not switched on here.",
        '',
      ].join('\n'),
    );
  });

  it('reads the length of a recording and sends it nowhere', async () => {
    // Nobody listens there: asking would fail.
    const env = {
      OPENAI_API_KEY: 'sk-test',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      FLUXSCRIBE_ROUTING_ACCURATE: 'whisper-1',
    };
    const bad = await run(['transcribe', '--explain', 'clip.ogg'], env);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /routing\.accurate: there is no model or alias 'whisper-1'/);
    const result = await run(['transcribe', '--explain', 'clip.ogg'], {
      ...env,
      FLUXSCRIBE_ROUTING_ACCURATE: 'openai/gpt-4o-transcribe,openai/whisper-1',
    });
    assert.equal(result.code, 0, result.stderr);
    assert.match(
      result.stdout,
      /^clip\.ogg: flux-voice, \$0\.10 a minute, at least 10 s\n {3}1 {2}openai\/gpt-4o-transcribe, by openai\n {3}2 {2}openai\/whisper-1/,
    );
  });

  it('gives JSON for scripts, and ends with 1 where nothing would be tried', async () => {
    const result = await run(['explain', '--json', '--language', 'English', '--duration', '90']);
    assert.equal(result.code, 1);
    const explanation = JSON.parse(result.stdout);
    assert.deepEqual(
      [explanation.model, explanation.attempts, explanation.price.nanosPerMinute, explanation.refusal.status],
      ['flux-voice', [], '0.100000000', 503],
    );
    assert.equal((await run(['explain', 'gone'])).code, 1);
    assert.equal((await run(['explain', '--duration', 'long'])).code, 2);
  });
});
