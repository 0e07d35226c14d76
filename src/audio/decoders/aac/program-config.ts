import type { BitReader } from './bit-reader.ts';

/** A part of a packet that holds one channel or two. */
export interface ChannelElement {
  readonly kind: 'single' | 'pair' | 'low-frequency';
  /** The element's instance tag; null where only the order tells elements of a kind apart. */
  readonly tag: number | null;
}

const S: ChannelElement = { kind: 'single', tag: null };
const P: ChannelElement = { kind: 'pair', tag: null };
const L: ChannelElement = { kind: 'low-frequency', tag: null };

/** Elements by `channelConfiguration` (ISO/IEC 14496-3, table 1.19 and its amendments). */
const layouts: Readonly<Record<number, readonly ChannelElement[]>> = {
  1: [S],
  2: [P],
  3: [S, P],
  4: [S, P, S],
  5: [S, P, P],
  6: [S, P, P, L],
  7: [S, P, P, P, L],
  11: [S, P, P, S, L],
  12: [S, P, P, P, L],
  14: [S, P, P, L, P],
};

/** The layout of a channel configuration, null for 0 and for those that are reserved. */
export function defaultLayout(channelConfiguration: number): readonly ChannelElement[] | null {
  return layouts[channelConfiguration] ?? null;
}

/** Channels of a layout. */
export function channelCount(layout: readonly ChannelElement[]): number {
  return layout.reduce((sum, element) => sum + (element.kind === 'pair' ? 2 : 1), 0);
}

/** Reads `program_config_element` and returns its channel elements: front, side, back, low frequency. */
export function parseProgramConfig(reader: BitReader): readonly ChannelElement[] {
  // Instance tag, object type and sampling index: the stream's own config has said them.
  reader.skip(4 + 2 + 4);
  const mainCount = reader.read(4) + reader.read(4) + reader.read(4);
  const lowFrequencyCount = reader.read(2);
  const dataCount = reader.read(3);
  const couplingCount = reader.read(4);
  if (reader.readFlag()) reader.skip(4);
  if (reader.readFlag()) reader.skip(4);
  if (reader.readFlag()) reader.skip(3);
  const elements: ChannelElement[] = [];
  for (let index = 0; index < mainCount; index += 1) {
    elements.push({ kind: reader.readFlag() ? 'pair' : 'single', tag: reader.read(4) });
  }
  for (let index = 0; index < lowFrequencyCount; index += 1) {
    elements.push({ kind: 'low-frequency', tag: reader.read(4) });
  }
  reader.skip(4 * dataCount + 5 * couplingCount);
  reader.alignToByte();
  reader.skip(8 * reader.read(8));
  return elements;
}
