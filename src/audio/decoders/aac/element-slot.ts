import type { BitReader } from './bit-reader.ts';
import { ChannelStream, IcsInfo, type StreamFormat } from './channel-stream.ts';
import { type Filterbank, OverlapState } from './filterbank.ts';
import { parseChannelStream, parseIcsInfo } from './ics.ts';
import { fillNoise, type NoiseSource } from './noise.ts';
import { AacPacketError } from './packet-error.ts';
import { Predictors } from './prediction.ts';
import type { ChannelElement } from './program-config.ts';
import { dequantise } from './spectrum.ts';
import { applyIntensity, applyMidSide, MASK_FULL, MASK_SENT } from './stereo.ts';
import { applyTns } from './tns.ts';

const MASK_RESERVED = 3;

interface Channel {
  readonly stream: ChannelStream;
  readonly overlap: OverlapState;
  /** Main profile only. */
  readonly predictors: Predictors | null;
}

/** One channel element of a stream's layout: what it last read, and what it keeps between packets. */
export class ElementSlot {
  readonly element: ChannelElement;
  /** Whether the packet at hand has brought this element. */
  filled = false;
  readonly #format: StreamFormat;
  readonly #channels: readonly Channel[];
  readonly #sharedInfo = new IcsInfo();
  #maskPresent = 0;
  /** Mid/side by cell (group · maxBand + band). */
  readonly #mask = new Uint8Array(120);

  constructor(element: ChannelElement, format: StreamFormat) {
    this.element = element;
    this.#format = format;
    this.#channels = Array.from({ length: element.kind === 'pair' ? 2 : 1 }, () => ({
      stream: new ChannelStream(),
      overlap: new OverlapState(format.frameLength),
      predictors: format.objectType === 1 ? new Predictors(format) : null,
    }));
  }

  /** Reads the element behind its tag. Changes nothing that outlives the packet, so that a throw does no harm. */
  parse(reader: BitReader): void {
    this.#maskPresent = 0;
    this.#mask.fill(0);
    const commonWindow = this.#channels.length === 2 && reader.readFlag();
    if (commonWindow) {
      parseIcsInfo(reader, this.#sharedInfo, this.#format);
      this.#parseMask(reader);
    }
    for (const { stream } of this.#channels) {
      parseChannelStream(reader, stream, this.#format, commonWindow ? this.#sharedInfo : null);
    }
    this.filled = true;
  }

  #parseMask(reader: BitReader): void {
    this.#maskPresent = reader.read(2);
    if (this.#maskPresent === MASK_RESERVED) {
      throw new AacPacketError('The AAC packet has a stereo mask of an unknown kind.');
    }
    const cellCount = this.#sharedInfo.groupCount * this.#sharedInfo.maxBand;
    if (this.#maskPresent === MASK_FULL) this.#mask.fill(1, 0, cellCount);
    if (this.#maskPresent === MASK_SENT) {
      for (let cell = 0; cell < cellCount; cell += 1) this.#mask[cell] = reader.read(1);
    }
  }

  /** Makes the samples of the element's channels from what `parse` read. */
  synthesise(filterbank: Filterbank, noise: NoiseSource): Float32Array<ArrayBuffer>[] {
    const [first, second] = this.#channels;
    for (const { stream } of this.#channels) dequantise(stream);
    fillNoise(first!.stream, noise, null, null);
    if (second !== undefined) {
      fillNoise(second.stream, noise, first!.stream, this.#mask);
      if (this.#maskPresent !== 0) applyMidSide(first!.stream, second.stream, this.#mask);
    }
    for (const { stream, predictors } of this.#channels) predictors?.apply(stream);
    if (second !== undefined) applyIntensity(first!.stream, second.stream, this.#maskPresent, this.#mask);
    return this.#channels.map(({ stream, overlap }) => {
      applyTns(stream, this.#format.bands);
      return filterbank.synthesise(stream, overlap);
    });
  }
}
