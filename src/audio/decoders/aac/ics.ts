import type { BitReader } from './bit-reader.ts';
import {
  type ChannelStream,
  type IcsInfo,
  INTENSITY_IN_PHASE_BOOK,
  INTENSITY_OUT_OF_PHASE_BOOK,
  NOISE_BOOK,
  type StreamFormat,
} from './channel-stream.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';
import { scalefactorCodebook } from './huffman-tables.ts';
import { AacPacketError } from './packet-error.ts';
import { readSpectrum } from './spectrum.ts';
import { parseTns } from './tns.ts';

const RESERVED_BOOK = 12;

const scalefactorDecoder = new HuffmanDecoder(scalefactorCodebook, (symbol) => symbol);

/** A signed scalefactor difference, -60 to 60. */
export function readScalefactorDifference(reader: BitReader): number {
  return scalefactorDecoder.decode(reader) - 60;
}

/** Reads `individual_channel_stream`. With `sharedInfo` (common window) the stream takes its layout from there. */
export function parseChannelStream(
  reader: BitReader,
  stream: ChannelStream,
  format: StreamFormat,
  sharedInfo: IcsInfo | null,
): void {
  const globalGain = reader.read(8);
  if (sharedInfo === null) parseIcsInfo(reader, stream.info, format);
  else stream.info.copyFrom(sharedInfo);
  parseSections(reader, stream);
  parseScalefactors(reader, stream, globalGain);
  const pulses = reader.readFlag() ? parsePulses(reader, stream.info, format) : [];
  stream.tnsFilters = reader.readFlag() ? parseTns(reader, stream.info.isShort, format.objectType) : [];
  if (reader.readFlag()) throw new AacPacketError('The AAC packet uses gain control, which only the SSR profile has.');
  readSpectrum(reader, stream);
  const { quantised } = stream;
  for (const { at, amplitude } of pulses) quantised[at]! += quantised[at]! > 0 ? amplitude : -amplitude;
}

/** Reads `ics_info`. */
export function parseIcsInfo(reader: BitReader, info: IcsInfo, format: StreamFormat): void {
  reader.skip(1);
  info.windowSequence = reader.read(2);
  info.windowShape = reader.read(1);
  info.groupLengths.fill(0);
  info.groupLengths[0] = 1;
  info.groupCount = 1;
  info.predictionPresent = false;
  info.predictorReset = 0;
  if (info.isShort) {
    info.edges = format.bands.shortEdges;
    info.maxBand = reader.read(4);
    const grouping = reader.read(7);
    for (let window = 1; window < 8; window += 1) {
      if (((grouping >> (7 - window)) & 1) === 0) info.groupCount += 1;
      info.groupLengths[info.groupCount - 1]! += 1;
    }
  } else {
    info.edges = format.bands.longEdges;
    info.maxBand = reader.read(6);
    info.predictionPresent = reader.readFlag();
  }
  if (info.maxBand >= info.edges.length) throw new AacPacketError('The AAC packet has more bands than there are.');
  if (info.predictionPresent) parsePrediction(reader, info, format);
}

function parsePrediction(reader: BitReader, info: IcsInfo, format: StreamFormat): void {
  if (format.objectType !== 1) throw new AacPacketError('The AAC packet uses prediction, which the LC profile lacks.');
  if (reader.readFlag()) {
    info.predictorReset = reader.read(5);
    if (info.predictorReset === 0 || info.predictorReset > 30) {
      throw new AacPacketError('The AAC packet restarts predictors that do not exist.');
    }
  }
  info.predictionUsed.fill(0);
  const count = Math.min(info.maxBand, format.bands.predictionBands);
  for (let band = 0; band < count; band += 1) info.predictionUsed[band] = reader.read(1);
}

/** Runs of bands with one codebook. */
function parseSections(reader: BitReader, stream: ChannelStream): void {
  const { info, codebooks } = stream;
  const lengthBits = info.isShort ? 3 : 5;
  const longest = (1 << lengthBits) - 1;
  for (let group = 0; group < info.groupCount; group += 1) {
    let band = 0;
    while (band < info.maxBand) {
      const codebook = reader.read(4);
      if (codebook === RESERVED_BOOK) throw new AacPacketError('The AAC packet names a codebook that does not exist.');
      let end = band;
      let increment: number;
      do {
        increment = reader.read(lengthBits);
        end += increment;
        if (end > info.maxBand) throw new AacPacketError('A section of the AAC packet is longer than its bands.');
      } while (increment === longest);
      codebooks.fill(codebook, group * info.maxBand + band, group * info.maxBand + end);
      band = end;
    }
  }
}

/** Three running sums: scalefactors, intensity positions and noise energies, told apart by the band's codebook. */
function parseScalefactors(reader: BitReader, stream: ChannelStream, globalGain: number): void {
  const { info, codebooks, scalefactors } = stream;
  let scalefactor = globalGain;
  let position = 0;
  let noise = globalGain - 90;
  let noiseSeen = false;
  for (let cell = 0; cell < info.groupCount * info.maxBand; cell += 1) {
    const codebook = codebooks[cell]!;
    if (codebook === 0) {
      scalefactors[cell] = 0;
    } else if (codebook === INTENSITY_IN_PHASE_BOOK || codebook === INTENSITY_OUT_OF_PHASE_BOOK) {
      position += readScalefactorDifference(reader);
      // Both clamps are far outside of what can be heard; they keep damaged data finite.
      scalefactors[cell] = Math.min(Math.max(position, -155), 100);
    } else if (codebook === NOISE_BOOK) {
      noise += noiseSeen ? readScalefactorDifference(reader) : reader.read(9) - 256;
      noiseSeen = true;
      scalefactors[cell] = Math.min(Math.max(noise, -100), 155);
    } else {
      scalefactor += readScalefactorDifference(reader);
      if (scalefactor < 0 || scalefactor > 255) {
        throw new AacPacketError('A scalefactor of the AAC packet is out of range.');
      }
      scalefactors[cell] = scalefactor;
    }
  }
}

interface Pulse {
  /** Coefficient that the pulse makes larger. */
  readonly at: number;
  readonly amplitude: number;
}

function parsePulses(reader: BitReader, info: IcsInfo, format: StreamFormat): Pulse[] {
  if (info.isShort) throw new AacPacketError('The AAC packet has pulses in short windows.');
  const count = reader.read(2) + 1;
  const firstBand = reader.read(6);
  if (firstBand >= info.edges.length - 1) throw new AacPacketError('A pulse of the AAC packet is out of range.');
  const pulses: Pulse[] = [];
  let at = info.edges[firstBand]!;
  for (let index = 0; index < count; index += 1) {
    at += reader.read(5);
    if (at >= format.frameLength) throw new AacPacketError('A pulse of the AAC packet is out of range.');
    pulses.push({ at, amplitude: reader.read(4) });
  }
  return pulses;
}
