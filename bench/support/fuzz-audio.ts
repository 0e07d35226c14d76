import type { SeededRandom } from './seeded-random.ts';

/** A sound file from which damaged ones are made. */
export interface FuzzBase {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface FuzzedAudio {
  readonly bytes: Buffer;
  /** What was done to which file, for a person who reads of a failure. */
  readonly story: string;
}

type Mutation = (bytes: Buffer, random: SeededRandom, bases: readonly FuzzBase[]) => Buffer;

/** Uploads stay small, so that thousands of them take minutes: what is large costs time and finds nothing new. */
const maxBytes = 256 * 1024;

/** A base file, or several, damaged in one to four ways. Some cases stay whole: they prove that the rest of the run can succeed. */
export function fuzzAudio(random: SeededRandom, bases: readonly FuzzBase[]): FuzzedAudio {
  const base = random.pick(bases);
  let bytes = Buffer.from(base.bytes);
  const steps = [base.name];
  const rounds = random.chance(0.03) ? 0 : random.between(1, 4);
  for (let round = 0; round < rounds; round++) {
    const name = random.pick(mutationNames);
    bytes = Buffer.from(mutations[name](bytes, random, bases).subarray(0, maxBytes));
    steps.push(name);
  }
  // Pages with a wrong checksum are dropped at once; with the right one damage gets to the decoder.
  if (bytes.includes('OggS') && random.chance(0.7)) {
    repairOggChecksums(bytes);
    steps.push('right checksums');
  }
  return { bytes, story: steps.join(', ') };
}

const mutations = {
  truncate: (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  'cut the beginning': (bytes, random) => bytes.subarray(random.below(Math.min(bytes.length, 4096) + 1)),
  'flip bits': (bytes, random) => {
    for (let count = random.between(1, 64); count > 0 && bytes.length > 0; count--) {
      const at = placeIn(bytes, random);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
    return bytes;
  },
  'overwrite a run': (bytes, random) => {
    const at = placeIn(bytes, random);
    const length = random.between(1, 2048);
    const run = random.chance(0.5) ? random.bytes(length) : Buffer.alloc(length, random.pick([0, 0xff, 0x7f, 0x80]));
    run.copy(bytes, at);
    return bytes;
  },
  'insert bytes': (bytes, random) => {
    const at = placeIn(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), random.bytes(random.between(1, 512)), bytes.subarray(at)]);
  },
  'delete bytes': (bytes, random) => {
    const at = placeIn(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.between(1, 1024))]);
  },
  'repeat a piece': (bytes, random) => {
    const at = placeIn(bytes, random);
    const piece = bytes.subarray(at, at + random.between(1, 4096));
    return Buffer.concat([bytes.subarray(0, at), ...Array(random.between(2, 8)).fill(piece), bytes.subarray(at)]);
  },
  'swap two pieces': (bytes, random) => {
    const length = random.between(1, 1024);
    const [first, second] = [placeIn(bytes, random), placeIn(bytes, random)].toSorted((a, b) => a - b) as [
      number,
      number,
    ];
    if (second + length > bytes.length || first + length > second) return bytes;
    const kept = Buffer.from(bytes.subarray(first, first + length));
    bytes.copy(bytes, first, second, second + length);
    kept.copy(bytes, second);
    return bytes;
  },
  'splice with another file': (bytes, random, bases) => {
    const other = random.pick(bases).bytes;
    const tail = other.subarray(random.below(other.length + 1));
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), tail]);
  },
  'put another file behind': (bytes, random, bases) => Buffer.concat([bytes, random.pick(bases).bytes]),
  'put another file in the middle': (bytes, random, bases) => {
    const at = placeIn(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), random.pick(bases).bytes, bytes.subarray(at)]);
  },
  'wrap as another format': (bytes, random) => Buffer.concat([random.pick(openings), bytes]),
  'lie in a header': lieInHeader,
  'lie beside a mark': lieBesideMark,
  'lie beside several marks': (bytes, random) => {
    for (let count = random.between(2, 8); count > 0; count--) lieBesideMark(bytes, random);
    return bytes;
  },
} satisfies Record<string, Mutation>;
type MutationName = keyof typeof mutations;
const mutationNames = Object.keys(mutations) as MutationName[];

/** Numbers at which sums overflow, signs change and loops do not end. */
const edges = [
  0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** Signatures that make a reader believe in a format. */
const openings = [
  Buffer.from('RIFF\xff\xff\xff\xffWAVE', 'latin1'),
  Buffer.from('RF64\xff\xff\xff\xffWAVEds64', 'latin1'),
  Buffer.from('fLaC'),
  Buffer.from('OggS\0\x02', 'latin1'),
  Buffer.from('ID3\x04\0\0\x00\x00\x10\x00', 'latin1'),
  Buffer.from('\0\0\0\x18ftypM4A ', 'latin1'),
  Buffer.from('\0\0\0\x01moov\0\0\0\0\0\0\0\x10', 'latin1'),
  Buffer.from('1a45dfa3934286810142f7810142f2810442f381', 'hex'),
  Buffer.from('000001ba', 'hex'),
  Buffer.from('fff1508003fffc', 'hex'),
  Buffer.from('fffb90c4', 'hex'),
];

/** Where formats keep sizes, rates, counts and times: right before or after these. */
const marks = [
  ...['RIFF', 'WAVE', 'fmt ', 'fact', 'data', 'fLaC', 'OggS', 'OpusHead', 'OpusTags', 'vorbis', 'ID3', 'Xing', 'Info'],
  ...['LAME', 'VBRI', 'ftyp', 'moov', 'mvhd', 'trak', 'tkhd', 'edts', 'elst', 'mdia', 'mdhd', 'hdlr', 'minf', 'stbl'],
  ...['stsd', 'stts', 'stsc', 'stsz', 'stz2', 'stco', 'co64', 'ctts', 'mp4a', 'esds', 'alac', 'Opus', 'dOps', 'dfLa'],
  ...['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'trun', 'mvex', 'trex', 'sidx', 'mdat', 'sowt', 'wave', 'A_OPUS'],
].map((text) => Buffer.from(text, 'latin1'));
/** EBML ids: header, segment, info, time scale, duration, tracks, entry, audio, rate, channels, cluster, time, blocks, lacing. */
const ebmlMarks = [
  '1a45dfa3',
  '18538067',
  '1549a966',
  '2ad7b1',
  '4489',
  '1654ae6b',
  'ae',
  'e1',
  'b5',
  '9f',
  '1f43b675',
].concat(['e7', 'a3', 'a0', 'a1', '9b', '63a2', '56aa', '56bb', 'ec', '1c53bb6b']);
const allMarks = [...marks, ...ebmlMarks.map((hex) => Buffer.from(hex, 'hex'))];

function lieInHeader(bytes: Buffer, random: SeededRandom): Buffer {
  writeEdge(bytes, random.below(Math.min(bytes.length, 256) + 1), random);
  return bytes;
}

function lieBesideMark(bytes: Buffer, random: SeededRandom): Buffer {
  const present = allMarks.filter((mark) => bytes.includes(mark));
  if (present.length === 0) return lieInHeader(bytes, random);
  const mark = random.pick(present);
  const from = random.chance(0.5) ? 0 : random.below(bytes.length);
  const found = bytes.indexOf(mark, from);
  const at = found < 0 ? bytes.indexOf(mark) : found;
  writeEdge(bytes, at + mark.length + random.between(-mark.length - 8, 32), random);
  return bytes;
}

function writeEdge(bytes: Buffer, at: number, random: SeededRandom): void {
  const size = random.pick([1, 2, 4, 8]);
  const value = random.chance(0.7) ? random.pick(edges) : random.next();
  const number = Buffer.alloc(8);
  const isBigEndian = random.chance(0.5);
  if (size === 8) {
    number.fill(random.pick([0, 0xff]), 0, 4);
    number.writeUInt32BE(value, 4);
    if (!isBigEndian) number.reverse();
  } else {
    const fitting = value % 2 ** (8 * size);
    if (isBigEndian) number.writeUIntBE(fitting, 0, size);
    else number.writeUIntLE(fitting, 0, size);
  }
  if (at >= 0 && at < bytes.length) number.copy(bytes, at, 0, size);
}

/** Half of the places are near the beginning, where the structure is. */
function placeIn(bytes: Buffer, random: SeededRandom): number {
  return random.below(Math.max(1, random.chance(0.5) ? Math.min(bytes.length, 512) : bytes.length));
}

/** Writes the checksum that each Ogg page should have, as far as pages can be told. */
function repairOggChecksums(bytes: Buffer): void {
  for (let at = bytes.indexOf('OggS'); at >= 0; at = bytes.indexOf('OggS', at + 4)) {
    const segments = bytes[at + 26];
    if (segments === undefined) return;
    let end = at + 27 + segments;
    for (let index = 0; index < segments; index++) end += bytes[at + 27 + index] ?? 0;
    if (end > bytes.length) continue;
    bytes.writeUInt32LE(0, at + 22);
    bytes.writeUInt32LE(oggChecksum(bytes.subarray(at, end)), at + 22);
  }
}

const checksumTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value & 0x80000000 ? 0x04c11db7 : 0);
  return value >>> 0;
});

function oggChecksum(page: Buffer): number {
  let sum = 0;
  for (const byte of page) sum = ((sum << 8) ^ checksumTable[((sum >>> 24) ^ byte) & 0xff]!) >>> 0;
  return sum;
}
