import type { BitReader } from './bit-reader.ts';
import { ChannelStream, type StreamFormat } from './channel-stream.ts';
import { parseChannelStream, readScalefactorDifference } from './ics.ts';

/**
 * Reads a `coupling_channel_element` behind its tag and drops it: what it adds to other channels is an ambience that no
 * known encoder of speech sends.
 */
export function skipCoupling(reader: BitReader, format: StreamFormat): void {
  const independent = reader.readFlag();
  const targetCount = reader.read(3) + 1;
  let gainLists = 0;
  for (let target = 0; target < targetCount; target += 1) {
    const isPair = reader.readFlag();
    reader.skip(4);
    gainLists += isPair && reader.read(2) === 3 ? 2 : 1;
  }
  // Domain, sign and scale of the gains.
  reader.skip(1 + 1 + 2);
  const stream = new ChannelStream();
  parseChannelStream(reader, stream, format, null);
  const cellCount = stream.info.groupCount * stream.info.maxBand;
  for (let list = 1; list < gainLists; list += 1) {
    if (independent || reader.readFlag()) {
      readScalefactorDifference(reader);
      continue;
    }
    for (let cell = 0; cell < cellCount; cell += 1) {
      if (stream.codebooks[cell] !== 0) readScalefactorDifference(reader);
    }
  }
}
