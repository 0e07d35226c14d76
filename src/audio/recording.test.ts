import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fixtureBytes, fixturePath, madeRecordings, samples16, wavFile } from '../../test/helpers/audio-files.ts';
import { GatewayError } from '../core/errors.ts';
import { FileByteSource, MemoryByteSource } from './byte-source.ts';
import { decodePcm } from './pcm-stream.ts';
import { readRecording } from './recording.ts';

const limits = { maxDurationMs: 4 * 3_600_000, maxCpuMs: 15_000 };

function probeOf(bytes: Uint8Array, maxDurationMs = limits.maxDurationMs) {
  return readRecording(new MemoryByteSource(bytes), { ...limits, maxDurationMs }).probe;
}

function refusal(bytes: Uint8Array, maxDurationMs = limits.maxDurationMs): GatewayError {
  try {
    probeOf(bytes, maxDurationMs);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  return assert.fail('the file was accepted');
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

const second16 = samples16(16_000, 16_000, (seconds) => 0.3 * Math.sin(2 * Math.PI * 300 * seconds));

describe('readRecording', () => {
  for (const made of madeRecordings) {
    it(`tells container, codec and exact length of ${made.file}`, () => {
      using source = new FileByteSource(fixturePath(made.file));
      const { probe } = readRecording(source, limits);
      assert.deepEqual(
        { container: probe.container, codec: probe.codec, channels: probe.channels },
        { container: made.container, codec: made.codec, channels: made.channels },
      );
      assert.ok(Math.abs(probe.durationMs - made.durationMs) <= 1, `${probe.durationMs} ms`);
      assert.equal(probe.headerDurationMs, made.headerDurationMs);
    });
  }

  it('reads every linear layout of WAV: RIFF, RIFX, extensible, 8 to 64 bits, mu-law and A-law', () => {
    const shapes = [
      ...[8, 16, 24, 32].map((bits) => ({ formatTag: 1, bits, codec: 'pcm' })),
      ...[32, 64].map((bits) => ({ formatTag: 3, bits, codec: 'pcm' })),
      { formatTag: 6, bits: 8, codec: 'alaw' },
      { formatTag: 7, bits: 8, codec: 'mulaw' },
    ];
    for (const { codec, ...shape } of shapes) {
      for (const more of [{}, { bigEndian: true }, { extensible: true }, { channels: 2 }]) {
        const frames = 4_000;
        const bytes = (frames * shape.bits * ('channels' in more ? 2 : 1)) / 8;
        const probe = probeOf(wavFile({ ...shape, ...more }, new Uint8Array(bytes)));
        assert.deepEqual([probe.codec, probe.durationMs, probe.headerDurationMs], [codec, 250, 250]);
      }
    }
  });

  it('takes a WAV with an unknown, too large or never written size to the end of the file', () => {
    const shape = { formatTag: 1, bits: 16 };
    const streamed = probeOf(wavFile({ ...shape, dataSize: 0xffffffff, riffSize: 0xffffffff }, second16));
    assert.deepEqual([streamed.durationMs, streamed.headerDurationMs], [1000, null]);
    const tooLarge = probeOf(wavFile({ ...shape, dataSize: 64_000 }, second16));
    assert.deepEqual([tooLarge.durationMs, tooLarge.headerDurationMs], [1000, 2000]);
    const unpatched = probeOf(wavFile({ ...shape, dataSize: 0, riffSize: 36 }, second16));
    assert.deepEqual([unpatched.durationMs, unpatched.headerDurationMs], [1000, null]);
  });

  it('takes a WAV with too small a size at its word', () => {
    const probe = probeOf(wavFile({ formatTag: 1, bits: 16, dataSize: 16_000 }, second16));
    assert.deepEqual([probe.durationMs, probe.headerDurationMs], [500, 500]);
  });

  it('counts what is really there in a FLAC file whose header lies, or that was cut', () => {
    const lying = fixtureBytes('made-flac.flac').slice();
    lying[8 + 17]! += 1; // total samples, least significant byte but one of the four
    lying[8 + 14]! += 1;
    const probe = probeOf(lying);
    assert.equal(probe.durationMs, 1200);
    assert.ok(probe.headerDurationMs !== null && probe.headerDurationMs > 10_000);
    const whole = fixtureBytes('made-flac.flac');
    const cut = probeOf(whole.subarray(0, whole.length - 40));
    assert.ok(cut.durationMs > 0 && cut.durationMs < 1200, `${cut.durationMs} ms`);
    assert.equal(cut.headerDurationMs, 1200);
  });

  it('adds up chained Ogg links and joined MP3s, each with its own trims', () => {
    assert.equal(probeOf(join(fixtureBytes('made-opus.ogg'), fixtureBytes('made-vorbis.ogg'))).durationMs, 2400);
    assert.equal(probeOf(join(fixtureBytes('made-gapless.mp3'), fixtureBytes('made-gapless.mp3'))).durationMs, 2400);
    assert.equal(probeOf(join(fixtureBytes('made-gapless.mp3'), fixtureBytes('made-vbr-bare.mp3'))).durationMs, 2496);
  });

  it('reads past ID3 tags, junk before the first frame, and tags after the last', () => {
    const mp3 = fixtureBytes('made-vbr-bare.mp3');
    const tag = Uint8Array.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 1, 0, ...new Uint8Array(128)]);
    const trailer = Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125)]);
    assert.equal(probeOf(join(tag, mp3, trailer)).durationMs, 1296);
    assert.equal(probeOf(join(tag, tag, fixtureBytes('made-flac.flac'))).container, 'flac');
    assert.equal(probeOf(join(Buffer.alloc(3_000, 7), mp3)).durationMs, 1296);
  });

  it('loses only what is lost when a file is cut short', () => {
    for (const file of ['made-opus-live.webm', 'made-gapless.mp3', 'made-aac.aac', 'made-layer2.mp2']) {
      const whole = fixtureBytes(file);
      const { durationMs } = probeOf(whole.subarray(0, Math.floor(whole.length * 0.75)));
      assert.ok(durationMs > 300 && durationMs < 1200, `${file}: ${durationMs} ms`);
    }
  });

  it('goes by content, not by anything else: each refusal says what is wrong', () => {
    const text = (value: string) => Buffer.from(value);
    const cases: readonly (readonly [Uint8Array, string, RegExp])[] = [
      [new Uint8Array(0), 'audio_unreadable', /empty/],
      [text('Hello, this is no audio. '.repeat(200)), 'unsupported_audio', /not in a supported/],
      [text('<!doctype html><html><body>sound</body></html>'), 'unsupported_audio', /not in a supported/],
      [text('#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n'), 'unsupported_audio', /playlist/],
      [text('#!AMR\n'), 'unsupported_audio', /AMR/],
      [text('FORM\0\0\0\0AIFF'), 'unsupported_audio', /AIFF/],
      [text('RIFF\0\0\0\0AVI LIST'), 'unsupported_audio', /not in a supported/],
      [text('RIFF\x24\0\0\0WAVEfmt '), 'audio_unreadable', /cut short|ends before/],
      [wavFile({ formatTag: 1, bits: 16 }, new Uint8Array(0)), 'audio_unreadable', /no sound/],
      [wavFile({ formatTag: 1, bits: 16, sampleRate: 0 }, second16), 'audio_unreadable', /sample rate of 0/],
      [wavFile({ formatTag: 1, bits: 16, channels: 0 }, second16), 'audio_unreadable', /0 channels/],
      [wavFile({ formatTag: 1, bits: 48 }, second16), 'audio_unreadable', /bits/],
      [fixtureBytes('made-adpcm.wav'), 'unsupported_audio', /ADPCM/],
      [fixtureBytes('made-silent-film.mp4'), 'audio_unreadable', /no audio track/],
      [fixtureBytes('made-aac.m4a').subarray(0, 2_000), 'audio_unreadable', /moov/],
      [Uint8Array.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 20, ...new Uint8Array(20)]), 'audio_unreadable', /tag/],
      [Uint8Array.from([0, 0, 1, 0xba, 0x44, ...new Uint8Array(40)]), 'audio_unreadable', /no audio track/],
      [Uint8Array.from([0x1a, 0x45, 0xdf, 0xa3, 0x80]), 'audio_unreadable', /tracks/],
    ];
    for (const [bytes, code, message] of cases) {
      const error = refusal(bytes);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    }
  });

  it('takes random bytes for no recording', () => {
    let state = 1;
    const bytes = Uint8Array.from({ length: 60_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
    assert.equal(refusal(bytes).code, 'unsupported_audio');
  });

  it('refuses by length, from the packets, and tells the limit', () => {
    for (const made of madeRecordings) {
      const error = refusal(fixtureBytes(made.file), 1_000);
      assert.equal(error.code, 'audio_too_long', made.file);
      assert.match(error.message, /longer than 1 seconds/);
    }
  });

  it('refuses an Ogg file that claims hours in a few bytes without decoding it', () => {
    // One page of 255 Opus packets of one byte, each standing for 60 ms of silence; repeated, it stands for four hours.
    const head = Buffer.from(fixtureBytes('made-opus.ogg').subarray(0, 200));
    const firstPages = head.subarray(0, head.indexOf('OggS', 60) > 0 ? head.indexOf('OggS', 60) : 200);
    const page = Buffer.alloc(27 + 255 + 255);
    page.write('OggS');
    page.writeUInt32LE(Buffer.from(firstPages).readUInt32LE(14), 14);
    page[26] = 255;
    page.fill(1, 27, 27 + 255);
    page.fill(0x18, 27 + 255); // SILK, 60 ms, one frame
    const tags = Buffer.from(page.subarray(0, 27 + 1 + 16));
    tags[26] = 1;
    tags[27] = 16;
    tags.write('OpusTags', 28, 'latin1');
    const bomb = Buffer.concat([firstPages, tags, ...Array.from({ length: 1_000 }, () => page)]);
    assert.equal(refusal(bomb).code, 'audio_too_long');
  });
});

interface ManifestClip {
  readonly file: string;
  readonly duration_s: number | null;
  readonly header_duration_s?: number | null;
  readonly category: string;
  readonly expect?: string;
}

const sharedAudio = new URL('../../../shared/audio/', import.meta.url);
const manifestUrl = new URL('manifest.json', sharedAudio);
const hasShared = existsSync(manifestUrl);

describe('the shared recordings', { skip: hasShared ? false : 'no ../shared/audio here' }, () => {
  const clips: readonly ManifestClip[] = hasShared ? JSON.parse(readFileSync(manifestUrl, 'utf8')).clips : [];

  for (const clip of clips) {
    it(`${clip.file}: ${clip.expect ?? `${clip.duration_s} s, heard in full`}`, async () => {
      using source = new FileByteSource(new URL(clip.file, sharedAudio).pathname);
      let recording: ReturnType<typeof readRecording>;
      try {
        recording = readRecording(source, limits);
      } catch (error) {
        assert.ok(error instanceof GatewayError && error.status === 400, `${error}`);
        const expected = clip.expect ?? '';
        assert.ok(expected.includes('reject'), error.message);
        if (expected.includes('duration limit')) assert.equal(error.code, 'audio_too_long');
        return;
      }
      assert.ok(!clip.expect || !/^reject\b(?! or)/.test(clip.expect), 'it must be refused');
      const { probe, plan } = recording;
      assert.ok(Math.abs(probe.durationMs / 1000 - (clip.duration_s ?? 0)) <= 0.1, `${probe.durationMs} ms`);
      if (clip.header_duration_s !== undefined) {
        const claimed = probe.headerDurationMs === null ? null : probe.headerDurationMs / 1000;
        assert.equal(claimed, clip.header_duration_s);
      }
      let samples = 0;
      for await (const chunk of decodePcm(source, plan, { fromSample: 0, check() {} })) samples += chunk.length;
      assert.ok(Math.abs(samples / 16 - probe.durationMs) <= 20, `${samples / 16} ms heard of ${probe.durationMs}`);
    });
  }
});
