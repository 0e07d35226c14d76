import { GatewayError } from '../core/errors.ts';
import { PCM_RATE } from './audio.ts';
import type { ByteSource } from './byte-source.ts';
import type { AudioPacket, AudioSegment, SampleRange } from './containers/container.ts';
import { audioUnreadable } from './containers/container.ts';
import { demux } from './containers/demux.ts';
import { createDecoder } from './decoders/create-decoder.ts';
import type { PacketDecoder } from './decoders/packet-decoder.ts';
import type { RecordingPlan } from './recording.ts';
import { Resampler } from './resampler.ts';

/** Four seconds: small against the memory of a recogniser, large against the cost of a message. */
const CHUNK_SAMPLES = 4 * PCM_RATE;
/** Packets are decoded until about this much sound is there, then mixed, trimmed and resampled at once. */
const BATCH_MS = 500;
/** A decoder that trapped is replaced this often; a file that goes on trapping is silent from there. */
const MAX_DECODER_TRAPS = 16;
/** Decoded before the sample that is asked for, so that codecs which build on what came before have settled. */
const PREROLL_SAMPLES = PCM_RATE;
/** When nothing at all has decoded after so many packets, nothing will. */
const HOPELESS_PACKETS = 5_000;

export interface DecodeOptions {
  /** Output samples to leave out at the start, for a consumer who has them already. */
  readonly fromSample: number;
  /** Called about twice a second of sound; throws to stop the work. */
  check(): void;
}

/**
 * Decodes what `plan` says plays to mono float32 at PCM_RATE, in chunks of at most a few seconds. Its length is that of
 * the plan whatever the decoder yields: a damaged packet's time passes in silence, and more than was planned never comes.
 * Throws GatewayError `audio_unreadable` when nothing decodes.
 */
export async function* decodePcm(
  source: ByteSource,
  plan: RecordingPlan,
  options: DecodeOptions,
): AsyncGenerator<Float32Array> {
  const chunks = new Chunker(options.fromSample);
  // Who has heard some of it knows that it decodes.
  const tally = { decoded: options.fromSample > 0 ? 1 : 0, failed: 0 };
  let index = 0;
  for (const segment of demux(source).segments()) {
    const ranges = plan.segments[index++];
    if (!ranges) break;
    const isLast = index === plan.segments.length;
    for await (const samples of segmentPcm(segment, ranges, isLast, chunks, tally, options)) {
      yield* chunks.push(samples);
    }
    if (isLast) break;
  }
  if (tally.decoded === 0) throw nothingDecodes();
  yield* chunks.rest();
}

/** Decodes until the first packet that yields sound. Throws GatewayError `audio_unreadable` when none does. */
export async function proveDecodable(source: ByteSource, check: () => void): Promise<void> {
  let count = 0;
  for (const segment of demux(source).segments()) {
    const voice = await SegmentVoice.create(segment);
    try {
      for (const packet of segment.packets()) {
        const tally = { decoded: 0, failed: 0 };
        await voice.decode([packet], tally);
        if (tally.decoded > 0 && packet.samples > 0) return;
        if (++count > HOPELESS_PACKETS) throw nothingDecodes();
        if (count % 64 === 0) check();
      }
    } finally {
      voice.free();
    }
  }
  throw nothingDecodes();
}

interface Tally {
  decoded: number;
  failed: number;
}

async function* segmentPcm(
  segment: AudioSegment,
  ranges: readonly SampleRange[],
  isLast: boolean,
  chunks: Chunker,
  tally: Tally,
  options: DecodeOptions,
): AsyncGenerator<Float32Array> {
  const { config } = segment;
  const voice = await SegmentVoice.create(segment);
  try {
    const rate = voice.sampleRate;
    const gate = new Gate(ranges, rate / config.sampleRate);
    const resampler = new Resampler(rate, PCM_RATE);
    const batchSamples = (config.sampleRate * BATCH_MS) / 1000;
    let batch: AudioPacket[] = [];
    let batched = 0;
    const play = async () => {
      options.check();
      const packets = batch;
      const outputs = Math.ceil((batched * PCM_RATE) / config.sampleRate);
      batch = [];
      batched = 0;
      if (chunks.toSkip > outputs + PREROLL_SAMPLES) {
        for (const count of gate.passCount(voice.samplesOf(packets))) chunks.skip(resampler.skip(count));
        return [];
      }
      const sound = await voice.decode(packets, tally);
      if (tally.decoded === 0 && tally.failed > HOPELESS_PACKETS) throw nothingDecodes();
      return gate.pass(sound).map((piece) => resampler.push(piece));
    };
    for (const packet of segment.packets()) {
      // Later segments are only found behind the packets of this one, heard or not.
      if (gate.isOver) {
        if (isLast) break;
        continue;
      }
      batch.push(packet);
      batched += packet.samples;
      if (batched >= batchSamples || batch.length >= 1_024) yield* await play();
    }
    if (batch.length > 0 && !gate.isOver) yield* await play();
    yield resampler.push(new Float32Array(gate.missing));
    yield resampler.flush();
  } finally {
    voice.free();
  }
}

/** A segment's decoder, mixed to mono and kept in step with the packets. */
class SegmentVoice {
  readonly #segment: AudioSegment;
  #decoder: PacketDecoder;
  #traps = 0;

  static async create(segment: AudioSegment): Promise<SegmentVoice> {
    return new SegmentVoice(segment, await startDecoder(segment));
  }

  private constructor(segment: AudioSegment, decoder: PacketDecoder) {
    this.#segment = segment;
    this.#decoder = decoder;
  }

  get sampleRate(): number {
    return this.#decoder.sampleRate;
  }

  /** Samples that these packets stand for, at the decoder's rate. */
  samplesOf(packets: readonly AudioPacket[]): number {
    const ratio = this.#decoder.sampleRate / this.#segment.config.sampleRate;
    let total = 0;
    for (const packet of packets) total += Math.round(packet.samples * ratio);
    return total;
  }

  /** The packets' sound, each in its place: exactly as many samples as they stand for. */
  async decode(packets: readonly AudioPacket[], tally: Tally): Promise<Float32Array> {
    const ratio = this.#decoder.sampleRate / this.#segment.config.sampleRate;
    const mono = new Float32Array(this.samplesOf(packets));
    let position = 0;
    for (const { data, samples } of packets) {
      const expected = Math.round(samples * ratio);
      const channels = await this.#decodeOne(data);
      if (channels.length > 0 && (channels[0]!.length > 0 || expected === 0)) tally.decoded++;
      else tally.failed++;
      mixInto(mono.subarray(position, position + expected), channels);
      position += expected;
    }
    return mono;
  }

  free(): void {
    this.#decoder.free();
  }

  async #decodeOne(data: Uint8Array): Promise<readonly Float32Array[]> {
    if (this.#traps > MAX_DECODER_TRAPS) return [];
    try {
      const decoded = this.#decoder.decode(data);
      return decoded instanceof Promise ? await decoded : decoded;
    } catch (error) {
      // A damaged packet: what the decoder says of it helps nobody. After a trap its memory cannot be trusted.
      if (error instanceof Error && error.name === 'RuntimeError' && ++this.#traps <= MAX_DECODER_TRAPS) {
        this.#decoder = await startDecoder(this.#segment);
      }
      return [];
    }
  }
}

async function startDecoder(segment: AudioSegment): Promise<PacketDecoder> {
  try {
    return await createDecoder(segment.config);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('audio_unreadable', 'The decoder refused the header of the audio track.', {
      param: 'file',
      cause: error,
    });
  }
}

/** The average of all channels, so that nobody is lost who speaks in only one of them. */
function mixInto(target: Float32Array, channels: readonly Float32Array[]): void {
  const count = channels.length;
  if (count === 0) return;
  const length = Math.min(target.length, channels[0]!.length);
  if (count === 1) {
    target.set(channels[0]!.subarray(0, length));
    return;
  }
  for (const channel of channels) for (let index = 0; index < length; index++) target[index]! += channel[index]!;
  for (let index = 0; index < length; index++) target[index]! /= count;
}

/** Lets through the samples that play. */
class Gate {
  readonly #ranges: readonly SampleRange[];
  #position = 0;
  #current = 0;

  /** `ratio`: samples of the decoder for each sample that the ranges are counted in. */
  constructor(ranges: readonly SampleRange[], ratio: number) {
    this.#ranges = ranges.map(({ start, end }) => ({ start: Math.round(start * ratio), end: Math.round(end * ratio) }));
  }

  get isOver(): boolean {
    return this.#current >= this.#ranges.length;
  }

  /** Samples that were promised and will not come, once the packets are over. */
  get missing(): number {
    let count = 0;
    for (const { start, end } of this.#ranges.slice(this.#current))
      count += end - Math.max(start, Math.min(this.#position, end));
    return count;
  }

  pass(samples: Float32Array): Float32Array[] {
    return this.#advance(samples.length).map(({ start, end }) => samples.subarray(start, end));
  }

  /** Lengths of what would pass of so many samples. */
  passCount(samples: number): number[] {
    return this.#advance(samples).map(({ start, end }) => end - start);
  }

  /** The parts of the next `count` samples that play, counted from the first of them. */
  #advance(count: number): SampleRange[] {
    const start = this.#position;
    const end = start + count;
    const passed: SampleRange[] = [];
    while (this.#current < this.#ranges.length) {
      const range = this.#ranges[this.#current]!;
      const from = Math.max(range.start, start);
      const to = Math.min(range.end, end);
      if (to > from) passed.push({ start: from - start, end: to - start });
      if (range.end > end) break;
      this.#current++;
    }
    this.#position = end;
    return passed;
  }
}

/** Cuts a stream of samples into chunks of one size. */
class Chunker {
  #skip: number;
  #chunk = new Float32Array(CHUNK_SAMPLES);
  #filled = 0;

  constructor(skip: number) {
    this.#skip = skip;
  }

  /** Samples still to be left out. */
  get toSkip(): number {
    return this.#skip;
  }

  /** Leaves out samples that were never made. */
  skip(count: number): void {
    this.#skip -= count;
  }

  *push(samples: Float32Array): Generator<Float32Array> {
    let position = Math.min(this.#skip, samples.length);
    this.#skip -= position;
    while (position < samples.length) {
      const count = Math.min(CHUNK_SAMPLES - this.#filled, samples.length - position);
      this.#chunk.set(samples.subarray(position, position + count), this.#filled);
      this.#filled += count;
      position += count;
      if (this.#filled === CHUNK_SAMPLES) {
        yield this.#chunk;
        this.#chunk = new Float32Array(CHUNK_SAMPLES);
        this.#filled = 0;
      }
    }
  }

  *rest(): Generator<Float32Array> {
    if (this.#filled > 0) yield this.#chunk.slice(0, this.#filled);
    this.#filled = 0;
  }
}

function nothingDecodes(): GatewayError {
  return audioUnreadable('Nothing in the file could be decoded.');
}
