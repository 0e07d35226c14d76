import { GatewayError } from '../../../core/errors.ts';
import { type AacConfig, requireDecodable } from './audio-specific-config.ts';
import { bandTable } from './band-tables.ts';
import { BitReader } from './bit-reader.ts';
import type { StreamFormat } from './channel-stream.ts';
import { skipCoupling } from './coupling.ts';
import { ElementSlot } from './element-slot.ts';
import { Filterbank } from './filterbank.ts';
import { NoiseSource } from './noise.ts';
import { AacPacketError } from './packet-error.ts';
import { type ChannelElement, channelCount, defaultLayout, parseProgramConfig } from './program-config.ts';
import { skipData, skipFill } from './skipped-elements.ts';

export { type AdtsFrame, parseAdtsFrame } from './adts.ts';
export { type AacConfig, parseAudioSpecificConfig } from './audio-specific-config.ts';
export { AacPacketError } from './packet-error.ts';

/** `id_syn_ele`. */
const SINGLE = 0;
const PAIR = 1;
const COUPLING = 2;
const LOW_FREQUENCY = 3;
const DATA = 4;
const PROGRAM_CONFIG = 5;
const FILL = 6;
const END = 7;

const kinds: Readonly<Record<number, ChannelElement['kind']>> = {
  [SINGLE]: 'single',
  [PAIR]: 'pair',
  [LOW_FREQUENCY]: 'low-frequency',
};

/** The standard's ceiling is 768 bytes a channel; ten times that leaves room for fillers and sloppy muxers. */
const MAX_PACKET_BYTES = 65_536;
const MAX_CHANNELS = 8;
/** Instance tags have four bits, so a packet has no more coupling or program config elements than this. */
const MAX_TAGS = 16;

/**
 * An AAC decoder after ISO/IEC 14496-3: the LC profile, and Main, which is LC with predictors.
 *
 * HE-AAC (SBR, PS) is decoded as its core: the lower half of the spectrum at the core's rate, which for the usual
 * 22.05 or 24 kHz core holds all that 16 kHz speech recognition hears. Coupling channels are read but not mixed in.
 */
export class AacDecoder {
  readonly #format: StreamFormat;
  readonly #config: AacConfig;
  readonly #filterbank: Filterbank;
  readonly #noise = new NoiseSource();
  #slots: readonly ElementSlot[];

  /** Throws GatewayError `unsupported_audio` for a profile or a channel count that cannot be decoded. */
  constructor(config: AacConfig) {
    requireDecodable(config.objectType);
    this.#config = config;
    this.#format = {
      objectType: config.objectType,
      frameLength: config.frameLength,
      bands: bandTable(config.sampleRate, config.frameLength),
    };
    this.#filterbank = new Filterbank(config.frameLength);
    this.#slots = this.#initialSlots();
  }

  /**
   * Decodes one raw_data_block (an MP4 sample or the payload of an ADTS frame) to samples in -1..1: one array of
   * `frameLength` samples for each channel, in the order of the packet's elements (centre, left, right, … by default).
   * There may be more or fewer channels than the config said where the packets themselves say so.
   * Throws AacPacketError for a damaged packet, which leaves the decoder ready for the next one.
   */
  decode(packet: Uint8Array): Float32Array<ArrayBuffer>[] {
    if (packet.length > MAX_PACKET_BYTES) throw new AacPacketError('The AAC packet is too large.');
    const slots = this.#parse(new BitReader(packet));
    this.#slots = slots;
    return slots.flatMap((slot) => slot.synthesise(this.#filterbank, this.#noise));
  }

  /** Forgets all packets, for a jump to another place in the stream. */
  reset(): void {
    this.#noise.reset();
    this.#slots = this.#initialSlots();
  }

  /** Reads a whole packet into the slots of its layout and returns these; nothing is heard before all is read. */
  #parse(reader: BitReader): readonly ElementSlot[] {
    let slots = this.#slots;
    for (const slot of slots) slot.filled = false;
    let couplingCount = 0;
    let configCount = 0;
    for (;;) {
      // Some encoders leave the end mark out.
      if (reader.remaining < 3 && isComplete(slots)) return slots;
      const id = reader.read(3);
      switch (id) {
        case SINGLE:
        case PAIR:
        case LOW_FREQUENCY: {
          const tag = reader.read(4);
          slots = this.#flipped(slots, kinds[id]!);
          const slot = findSlot(slots, kinds[id]!, tag);
          if (slot === null) throw new AacPacketError('The AAC packet has a channel that its stream does not have.');
          slot.parse(reader);
          break;
        }
        case COUPLING:
          reader.skip(4);
          couplingCount += 1;
          if (couplingCount > MAX_TAGS) throw new AacPacketError('The AAC packet has too many elements.');
          skipCoupling(reader, this.#format);
          break;
        case DATA:
          skipData(reader);
          break;
        case PROGRAM_CONFIG:
          configCount += 1;
          if (configCount > MAX_TAGS) throw new AacPacketError('The AAC packet has too many elements.');
          slots = this.#reconfigured(slots, parseProgramConfig(reader));
          break;
        case FILL:
          skipFill(reader);
          break;
        case END:
          if (!isComplete(slots)) throw new AacPacketError('The AAC packet lacks a channel of its stream.');
          return slots;
      }
    }
  }

  /** Mono and stereo streams that are labelled as each other are common enough to believe the packet. */
  #flipped(slots: readonly ElementSlot[], kind: ChannelElement['kind']): readonly ElementSlot[] {
    const [only] = slots;
    if (slots.length !== 1 || only!.filled || only!.element.tag !== null) return slots;
    if (kind === 'low-frequency' || kind === only!.element.kind) return slots;
    return this.#slotsOf([{ kind, tag: null }]);
  }

  /** Takes over a layout that stands in the packet, unless the container has said one. */
  #reconfigured(slots: readonly ElementSlot[], layout: readonly ChannelElement[]): readonly ElementSlot[] {
    if (this.#config.channels !== 0) return slots;
    if (slots.some((slot) => slot.filled)) throw new AacPacketError('The AAC packet changes its layout halfway.');
    if (layout.length === 0 || channelCount(layout) > MAX_CHANNELS) {
      throw new AacPacketError('The AAC packet has no channels or too many.');
    }
    const same =
      layout.length === slots.length &&
      layout.every(({ kind, tag }, index) => {
        const { element } = slots[index]!;
        return element.kind === kind && element.tag === tag;
      });
    return same ? slots : this.#slotsOf(layout);
  }

  #initialSlots(): readonly ElementSlot[] {
    const { channels, layout } = this.#config;
    if (layout !== undefined) return this.#slotsOf(layout);
    if (channels === 0) return [];
    const usual = defaultLayout(channels === 8 ? 7 : channels === 7 ? 11 : channels);
    if (usual === null) throw new GatewayError('unsupported_audio', `AAC with ${channels} channels cannot be decoded.`);
    return this.#slotsOf(usual);
  }

  #slotsOf(layout: readonly ChannelElement[]): readonly ElementSlot[] {
    return layout.map((element) => new ElementSlot(element, this.#format));
  }
}

function isComplete(slots: readonly ElementSlot[]): boolean {
  return slots.length > 0 && slots.every((slot) => slot.filled);
}

/** The slot that an element belongs in: by tag where the layout has tags, else the next of its kind. */
function findSlot(slots: readonly ElementSlot[], kind: ChannelElement['kind'], tag: number): ElementSlot | null {
  const fits = (slot: ElementSlot, wanted: ChannelElement['kind']) =>
    !slot.filled && slot.element.kind === wanted && (slot.element.tag === null || slot.element.tag === tag);
  const exact = slots.find((slot) => fits(slot, kind));
  if (exact !== undefined) return exact;
  // Encoders are known that write the low frequency channel as a single one, and the other way round.
  const twin = kind === 'single' ? 'low-frequency' : kind === 'low-frequency' ? 'single' : null;
  return (twin === null ? undefined : slots.find((slot) => fits(slot, twin))) ?? null;
}
