import assert from 'node:assert/strict';
import { openAsBlob, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { openBareSherpa } from '../../bench/support/bare-sherpa.ts';
import { type BenchEngine, folderOf, openBenchEngine } from '../../bench/support/bench-engine.ts';
import { type WordErrors, wordErrorRate, wordErrors } from '../../bench/support/word-error-rate.ts';
import { readSharedManifest, type SharedClip } from '../helpers/shared-manifest.ts';
import { sharedAudio } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/** Every recording of the speech test set over HTTP: what it says, how long it is, and when each word is said. */

interface Span {
  readonly start: number;
  readonly end: number;
}
interface Verbose {
  readonly text: string;
  readonly duration: number;
  readonly segments: readonly (Span & { text: string })[];
  readonly words: readonly (Span & { word: string })[];
}
interface Answer {
  readonly status: number;
  readonly error: { code: string; message: string } | null;
  readonly verbose: Verbose | null;
}

const skip = sharedAudio === null && 'no ../shared/audio here';
const clips = readSharedManifest();
const playable = clips.filter((clip) => clip.category !== 'malformed');
const ofCategory = (category: string) => clips.filter((clip) => clip.category === category);

/** Two recordings at once keep both of the engine's processes busy on the usual two cores. */
const atOnce = 2;
/**
 * Loudness at which the two recognisers are compared. The model's weights are eight-bit, so sound that differs by nothing
 * that anyone could hear flips words that are nearly as likely: at one level alone their rates differ by up to 0.7 points
 * either way, which says nothing. One decibel between each.
 */
const levels = [1, 0.891, 0.794, 0.708];
/** Errors that say "this file", not "this server". */
const fileErrors = new Set(['unsupported_audio', 'audio_unreadable', 'audio_too_long', 'missing_file']);

describe('the speech test set', { skip }, () => {
  let server: ServerProcess;
  const answers = new Map<string, Answer>();

  before(async () => {
    server = await startServer();
    // The long ones first, so that the short ones fill the gaps.
    const queue = clips.toSorted((a, b) => (b.duration_s ?? 0) - (a.duration_s ?? 0));
    const work = async () => {
      for (let clip = queue.shift(); clip; clip = queue.shift()) {
        answers.set(clip.file, await transcribe(await openAsBlob(join(sharedAudio!, clip.file)), basename(clip.file)));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  });
  after(() => server?.stop());

  async function transcribe(sound: Blob, name: string): Promise<Answer> {
    const body = new FormData();
    body.append('file', sound, name);
    body.append('response_format', 'verbose_json');
    body.append('timestamp_granularities[]', 'word');
    body.append('timestamp_granularities[]', 'segment');
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serverKey}` },
      body,
    });
    const reply = JSON.parse(await response.text());
    return { status: response.status, error: reply.error ?? null, verbose: reply.error ? null : reply };
  }

  function verboseOf(clip: SharedClip): Verbose {
    const answer = answers.get(clip.file)!;
    assert.equal(answer.status, 200, `${clip.file}: ${JSON.stringify(answer.error)}`);
    return answer.verbose!;
  }

  it('is answered, every playable clip, with its length to a tenth of a second', () => {
    assert.ok(playable.length > 80);
    const wrong = playable.flatMap((clip) => {
      const { duration } = verboseOf(clip);
      return Math.abs(duration - clip.duration_s!) <= 0.1 ? [] : [`${clip.file}: ${duration} for ${clip.duration_s}`];
    });
    assert.deepEqual(wrong, []);
  });

  it('has no words where nothing is said', () => {
    const silent = playable.filter((clip) => clip.reference === '');
    assert.ok(silent.length >= 8);
    const invented = silent.flatMap((clip) => {
      const { text, segments, words } = verboseOf(clip);
      return text === '' && segments.length === 0 && words.length === 0 ? [] : [`${clip.file}: ${text}`];
    });
    assert.deepEqual(invented, []);
  });

  it('has word and segment times that rise and lie in the recording, and words that are the text', () => {
    for (const clip of playable) {
      const { text, words, segments, duration } = verboseOf(clip);
      for (const spans of [words, segments]) {
        let last = 0;
        for (const { start, end } of spans) {
          assert.ok(start >= last && end >= start && end <= duration + 0.001, `${clip.file}: ${start} to ${end}`);
          last = start;
        }
      }
      const spoken = words.map((one) => one.word).join(' ');
      assert.equal(wordErrors(text, spoken).errors, 0, clip.file);
      assert.equal(
        segments
          .map((one) => one.text)
          .join('')
          .trim(),
        text,
        clip.file,
      );
    }
  });

  it('is the same text in every container and codec', (context) => {
    const [original] = playable.filter((clip) => clip.file === 'formats/pcm16-16k.wav');
    const expected = verboseOf(original!).text;
    const others = ofCategory('format').filter((clip) => clip.reference === original!.reference && clip !== original);
    assert.ok(others.length >= 15);
    for (const clip of others) {
      const { text } = verboseOf(clip);
      if (text === expected) continue;
      // Fewer kilohertz and lossy codecs may cost a word.
      const rate = wordErrorRate([wordErrors(expected, text)]);
      context.diagnostic(`${clip.file} differs from the wav: ${rate.toFixed(1)} % of words: ${text}`);
      assert.ok(rate <= 5, `${clip.file}: ${text}`);
    }
  });

  it('is heard as well as by the bare recogniser, give or take 0.3 points', async (context) => {
    printRates(context);
    const read = ofCategory('english-read');
    const bench = await openBenchEngine(1);
    const bare = openBareSherpa(folderOf(bench.store));
    const ours: WordErrors[] = [];
    const theirs: WordErrors[] = [];
    try {
      for (const clip of read) {
        const sound = await soundOf(bench, clip);
        for (const level of levels) {
          const rendition = sound.map((sample) => sample * level);
          const pending = transcribe(new Blob([floatWav(rendition)]), basename(clip.file));
          // The bare recogniser blocks this process while the server works in others.
          theirs.push(wordErrors(clip.reference!, bare.recognise(rendition)));
          ours.push(wordErrors(clip.reference!, (await pending).verbose!.text));
        }
      }
    } finally {
      await bench.close();
    }
    for (const [index, level] of levels.entries()) {
      const at = (all: readonly WordErrors[]) => rateText(all.filter((_, place) => place % levels.length === index));
      context.diagnostic(`english-read at level ${level}: ${at(ours)} here, ${at(theirs)} by bare sherpa-onnx`);
    }
    context.diagnostic(`english-read at all levels: ${rateText(ours)} here, ${rateText(theirs)} by bare sherpa-onnx`);
    assert.ok(wordErrorRate(ours) <= wordErrorRate(theirs) + 0.3);
  });

  function errorsOf(clip: SharedClip): WordErrors {
    return wordErrors(clip.reference!, verboseOf(clip).text);
  }

  function printRates(context: TestContext): void {
    const english = playable.filter((clip) => clip.language === 'en' && clip.reference);
    for (const [category, some] of Object.entries(Object.groupBy(english, (clip) => clip.category))) {
      const errors = some!.map(errorsOf);
      const words = errors.reduce((sum, one) => sum + one.words, 0);
      context.diagnostic(
        `word error rate, ${category}: ${rateText(errors)} of ${words} words in ${some!.length} clips`,
      );
    }
  }

  for (const clip of ofCategory('long')) {
    it(`covers ${clip.file} from end to end`, (context) => {
      const { words, segments } = verboseOf(clip);
      const spoken = JSON.parse(
        readFileSync(join(sharedAudio!, clip.file.replace(/\.opus$/, '.segments.json')), 'utf8'),
      ) as (Span & { text: string })[];
      // An utterance counts as heard when most of it lies in segments.
      const missed = spoken.filter(({ start, end }) => overlap(segments, start, end) < (end - start) / 2);
      const share = 1 - missed.length / spoken.length;
      context.diagnostic(
        `${segments.length} segments, ${words.length} words; ${missed.length} of ${spoken.length} utterances missed; ` +
          `word error rate ${rateText([errorsOf(clip)])}`,
      );
      for (const { start, text } of missed) context.diagnostic(`missed at ${start} s: ${text}`);
      assert.ok(share >= 0.97, `${missed.length} of ${spoken.length} utterances are in no segment`);
      // Words in the pauses would be invented: pauses are up to a minute of room noise.
      const stray = words.filter(({ start, end }) => overlap(spoken, start - 0.5, end + 0.5) === 0);
      assert.deepEqual(stray, []);
      assert.ok(wordErrorRate([errorsOf(clip)]) <= 12);
    });
  }

  for (const clip of ofCategory('malformed')) {
    it(`treats ${clip.file} as it should: ${clip.expect}`, (context) => {
      const { status, error, verbose } = answers.get(clip.file)!;
      context.diagnostic(error ? `${status} ${error.code}: ${error.message}` : `${status} ${verbose!.duration} s`);
      if (status !== 200) {
        assert.equal(status, 400);
        assert.ok(fileErrors.has(error!.code), error!.code);
      }
      const expected = clip.expect!;
      if (/^reject\b/.test(expected)) assert.ok(status === 400 || (/or empty/.test(expected) && verbose!.text === ''));
      if (/duration limit/.test(expected)) assert.equal(error!.code, 'audio_too_long');
      if (/^accept\b/.test(expected) && !/or reject/.test(expected)) assert.equal(status, 200);
      if (status === 200 && /^accept\b/.test(expected)) {
        assert.ok(Math.abs(verbose!.duration - clip.duration_s!) <= 0.1, String(verbose!.duration));
        assert.notEqual(verbose!.text, '');
      }
    });
  }

  it('leaves no upload behind', async () => {
    assert.deepEqual(await server.spooledFiles(), []);
  });
});

const rateText = (errors: readonly WordErrors[]) => `${wordErrorRate(errors).toFixed(2)} %`;

async function soundOf(bench: BenchEngine, clip: SharedClip): Promise<Float32Array> {
  const audio = await bench.open(join(sharedAudio!, clip.file));
  const chunks: Float32Array[] = [];
  for await (const chunk of audio.pcm(new AbortController().signal)) chunks.push(chunk);
  return Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
}

/** Mono float samples at 16 kHz as a wav file, without any rounding. */
function floatWav(samples: Float32Array): Buffer<ArrayBuffer> {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(3, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(64_000, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(32, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

/** Seconds of the stretch that lie in any of the spans, which are in order and do not overlap each other. */
function overlap(spans: readonly Span[], start: number, end: number): number {
  return spans.reduce((sum, span) => sum + Math.max(0, Math.min(end, span.end) - Math.max(start, span.start)), 0);
}
