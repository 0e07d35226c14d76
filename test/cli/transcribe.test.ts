import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { loadConfig } from '../../src/config/load-config.ts';
import { runCli } from '../helpers/run-cli.ts';
import { helloText } from '../helpers/speech.ts';

const hello = fileURLToPath(new URL('../../examples/hello.wav', import.meta.url));

describe('fluxscribe transcribe', () => {
  let cwd = '';
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), 'cli-transcribe-'));
    mkdirSync(join(cwd, 'talks', 'deep'), { recursive: true });
    copyFileSync(hello, join(cwd, 'talks', 'one.wav'));
    copyFileSync(hello, join(cwd, 'talks', 'deep', 'two.wav'));
    writeFileSync(join(cwd, 'talks', 'notes.txt'), 'no audio, and not looked at');
    writeFileSync(join(cwd, 'broken.mp3'), 'this is no mp3');
  });
  after(() => rmSync(cwd, { recursive: true }));

  it('writes the text of one recording, and its speed beside it', async () => {
    const result = await runCli(['transcribe', hello], { cwd });
    assert.equal(result.stdout, `${helloText}\n`);
    assert.match(result.stderr, /0:03 in [\d.]+ s, [\d.]+ times real time \(RTF [\d.]+\)/);
    assert.equal(result.code, 0);
  });

  it('writes subtitles for a folder into a folder of the same layout', async () => {
    const result = await runCli(['transcribe', 'talks', '-f', 'srt', '-o', 'out', '--quiet'], { cwd });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stderr, '');
    assert.deepEqual(readdirSync(join(cwd, 'out'), { recursive: true }).sort(), ['deep', 'deep/two.srt', 'one.srt']);
    assert.match(
      readFileSync(join(cwd, 'out/deep/two.srt'), 'utf8'),
      /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\nThe quick/,
    );
  });

  it('goes on after a failure, says which file it was, and ends with 1', async () => {
    const result = await runCli(['transcribe', 'broken.mp3', 'talks/*.wav', '-f', 'json'], { cwd });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^broken\.mp3: failed: /m);
    const body = z.object({ file: z.string(), text: z.string() }).parse(JSON.parse(result.stdout));
    assert.deepEqual(body, { file: 'talks/one.wav', text: helloText });
  });

  it('gives words with times when asked', async () => {
    const result = await runCli(['transcribe', hello, '-f', 'verbose', '--word-times', '-l', 'en'], { cwd });
    const body = z
      .object({ words: z.array(z.object({ word: z.string(), start: z.number() })), segments: z.array(z.unknown()) })
      .parse(JSON.parse(result.stdout));
    assert.deepEqual(
      body.words.map((one) => one.word),
      helloText.split(' '),
    );
    assert.equal(body.segments.length, 1);
  });

  it('says what a language needs that no model speaks', async () => {
    // Whatever else is installed on this machine.
    const english = join(cwd, 'english');
    mkdirSync(english);
    for (const model of ['moonshine-tiny', 'silero-vad']) {
      const installed = join(loadConfig({ env: process.env, workingDir: cwd }).modelsDir, model);
      if (existsSync(installed)) symlinkSync(installed, join(english, model));
    }
    const result = await runCli(['transcribe', hello, '-l', 'fr'], { cwd, env: { FLUXSCRIBE_MODELS: english } });
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stderr, /speaks 'fr'.*whisper-base/);
  });

  it('refuses what cannot be meant before it loads a model', async () => {
    for (const [argv, reason] of [
      [['gone.wav'], /gone\.wav: no such file/],
      [['talks', '-f', 'srt'], /need a folder/],
      [['talks', '-o', 'all.txt'], /names a file/],
      [[hello, '--word-times'], /needs --format verbose_json/],
    ] as const) {
      const result = await runCli(['transcribe', ...argv], { cwd, env: { FLUXSCRIBE_MODELS: join(cwd, 'none') } });
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, reason);
    }
  });
});
