import type { ByteSource } from '../byte-source.ts';
import type { AudioPacket, AudioSegment, DemuxedAudio, SampleRange } from './container.ts';
import { audioUnreadable, checkConfig, MAX_PACKET_BYTES, playedBetween } from './container.ts';
import type { OggCodec, OggStreamConfig } from './ogg-codecs.ts';
import { identifyOggCodec } from './ogg-codecs.ts';
import type { OggPage } from './ogg-pages.ts';
import { oggPages } from './ogg-pages.ts';

/** Headers with pictures run to hundreds of pages; a stream without sound for longer has none. */
const MAX_HEADER_PAGES = 4_000;

/** Ogg with Opus, Vorbis or FLAC. Links of a chained file (a recorded radio programme) follow one another. */
export function readOgg(source: ByteSource, start: number): DemuxedAudio {
  return { container: 'ogg', headerDurationMs: null, segments: () => oggSegments(source, start) };
}

function* oggSegments(source: ByteSource, start: number): Generator<AudioSegment> {
  const pages = oggPages(source, start);
  let opening: OggPage | null = nextPage(pages);
  if (!opening) throw audioUnreadable('The Ogg file has no whole page.');
  let found = 0;
  while (opening) {
    const link = openLink(pages, opening);
    if (!link) break;
    found++;
    yield link;
    opening = link.following;
  }
  if (found === 0) throw audioUnreadable('The file has no audio track.');
}

function nextPage(pages: Iterator<OggPage>): OggPage | null {
  const next = pages.next();
  return next.done ? null : next.value;
}

/** Reads one link's header pages; null when the file has no further audio stream. */
function openLink(pages: Iterator<OggPage>, opening: OggPage): OggLink | null {
  let codec: OggCodec | null = null;
  let assembler: PacketAssembler | null = null;
  let headers: Uint8Array[] = [];
  let page: OggPage | null = opening;
  for (let count = 0; page && count < MAX_HEADER_PAGES; count++, page = nextPage(pages)) {
    if (page.isFirst && !codec) {
      codec = identifyOggCodec(page.pieces[0] ?? new Uint8Array(0));
      if (codec) assembler = new PacketAssembler(page.serial);
    }
    if (!codec || !assembler || page.serial !== assembler.serial) continue;
    headers = [...headers, ...assembler.take(page)];
    if (headers.length >= codec.headerPackets) {
      const stream = codec.configure(headers);
      return new OggLink(pages, assembler, stream, headers.slice(codec.headerPackets));
    }
  }
  return null;
}

class OggLink implements AudioSegment {
  readonly config;
  /** The first page of the next link, known after the packets have been taken. */
  following: OggPage | null = null;
  readonly #pages: Iterator<OggPage>;
  readonly #assembler: PacketAssembler;
  readonly #stream: OggStreamConfig;
  readonly #early: readonly Uint8Array[];
  #startTrim = 0;
  #endTrim = 0;

  constructor(
    pages: Iterator<OggPage>,
    assembler: PacketAssembler,
    stream: OggStreamConfig,
    early: readonly Uint8Array[],
  ) {
    this.config = checkConfig(stream.config);
    this.#pages = pages;
    this.#assembler = assembler;
    this.#stream = stream;
    this.#early = early;
  }

  *packets(): Generator<AudioPacket> {
    // A chained link may put sound on the page of its last header; well-made files do not.
    for (const data of this.#early) yield { data, samples: this.#stream.samplesOf(data) };
    let previousGranule: number | null = null;
    let isFirstPage = true;
    for (let page = nextPage(this.#pages); page; page = nextPage(this.#pages)) {
      // First pages stand together before all sound, so this one opens the next link, its serial number new or not.
      if (page.isFirst) {
        this.following = page;
        return;
      }
      if (page.serial !== this.#assembler.serial) continue; // another stream of this link: video, subtitles
      let samplesHere = 0;
      for (const data of this.#assembler.take(page)) {
        const samples = this.#stream.samplesOf(data);
        samplesHere += samples;
        yield { data, samples };
      }
      if (page.granule !== null && samplesHere > 0) {
        // The last page says where sound ends, inside its last packets. So each page might be the last one.
        const expected: number | null = previousGranule ?? (isFirstPage ? 0 : null);
        const surplus = expected === null ? 0 : samplesHere - (page.granule - expected);
        this.#endTrim = surplus > 0 && surplus <= samplesHere ? surplus : 0;
        // On a first page that is not the last one, the surplus lies before the sound.
        if (isFirstPage && !page.isLast) {
          this.#startTrim = this.#endTrim;
          this.#endTrim = 0;
        }
        previousGranule = page.granule;
        isFirstPage = false;
      }
    }
  }

  played(totalSamples: number): readonly SampleRange[] {
    return playedBetween(this.#stream.preSkip + this.#startTrim, totalSamples - this.#endTrim);
  }
}

/** Joins the pieces of one stream's packets across pages. */
class PacketAssembler {
  readonly serial: number;
  #open: Uint8Array[] = [];
  #openBytes = 0;

  constructor(serial: number) {
    this.serial = serial;
  }

  take(page: OggPage): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let index = 0; index < page.pieces.length; index++) {
      const piece = page.pieces[index]!;
      const continues = index === 0 && page.isContinued;
      const isOpen = index === page.pieces.length - 1 && page.isOpen;
      if (!continues) this.#reset();
      // A continuation whose start was lost is no packet.
      else if (this.#open.length === 0) continue;
      if (isOpen || continues) {
        this.#open.push(piece);
        this.#openBytes += piece.length;
        if (this.#openBytes > MAX_PACKET_BYTES * 4) throw audioUnreadable('The Ogg file has a packet without an end.');
        if (isOpen) continue;
        packets.push(Buffer.concat(this.#open, this.#openBytes));
        this.#reset();
      } else {
        packets.push(piece);
      }
    }
    return packets;
  }

  #reset(): void {
    this.#open = [];
    this.#openBytes = 0;
  }
}
