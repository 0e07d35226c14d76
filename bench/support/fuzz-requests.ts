import { type FuzzBase, fuzzAudio } from './fuzz-audio.ts';
import type { RawRequest } from './raw-http.ts';
import { SeededRandom } from './seeded-random.ts';

/** One request of a fuzz run, made from two numbers alone. */
export interface FuzzCase {
  readonly seed: number;
  readonly number: number;
  /** What is wrong with it, for a person. */
  readonly story: string;
  readonly request: RawRequest;
  /** False where the client breaks off, so that nobody may be there to answer. */
  readonly wantsAnswer: boolean;
}

interface Part {
  readonly head: string;
  readonly content: Buffer;
}
interface Form {
  readonly contentType: string;
  readonly body: Buffer;
  readonly story: string;
}

export function fuzzCase(seed: number, number: number, bases: readonly FuzzBase[], key: string): FuzzCase {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const draw = random.below(100);
  const make = draw < 72 ? damagedSound : draw < 86 ? damagedForm : strangeFields;
  const form = make(random, bases);
  const framing = random.chance(0.92) ? wellFramed : random.pick([tooLong, tooShort, brokenChunks, brokenOff]);
  const { headers, body, story, wantsAnswer } = framing(form.body, random);
  const path = random.chance(0.93)
    ? '/v1/audio/transcriptions'
    : random.pick(['/audio/transcriptions', '/v1/audio/translations']);
  return {
    seed,
    number,
    story: `${form.story}; ${story}`,
    wantsAnswer,
    request: {
      head: [
        `POST ${path} HTTP/1.1`,
        'host: 127.0.0.1',
        `authorization: Bearer ${random.chance(0.99) ? key : 'sk-nobody'}`,
        `content-type: ${form.contentType}`,
        'connection: close',
        ...headers,
      ],
      body,
    },
  };
}

function damagedSound(random: SeededRandom, bases: readonly FuzzBase[]): Form {
  const { bytes, story } = fuzzAudio(random, bases);
  const format = random.chance(0.8)
    ? []
    : [field('response_format', random.pick(['text', 'srt', 'verbose_json', 'diarized_json']))];
  const stream = random.chance(0.05) ? [field('stream', 'true')] : [];
  return { ...assemble([...format, file(bytes, random.pick(fileNames)), ...stream], 'fuzz'), story };
}

/** A sound file in a form that breaks its own rules. */
function damagedForm(random: SeededRandom, bases: readonly FuzzBase[]): Form {
  const name = random.pick(Object.keys(formDamages) as (keyof typeof formDamages)[]);
  const sound = random.pick(bases).bytes;
  return { ...formDamages[name](sound, random), story: `form: ${name}` };
}

const formDamages = {
  'no end': (sound) => cut(assemble([file(sound, 'a.wav')], 'fuzz'), 12),
  'end in the middle': (sound, random) => {
    const form = assemble([file(sound, 'a.wav'), field('model', 'flux-voice')], 'fuzz');
    return cut(form, random.below(form.body.length));
  },
  'flipped bits everywhere': (sound, random) => {
    const form = assemble([field('model', 'flux-voice'), file(sound, 'a.wav')], 'fuzz');
    for (let count = random.between(1, 32); count > 0; count--) {
      const at = random.below(Math.min(form.body.length, 300));
      form.body[at] = (form.body[at] ?? 0) ^ (1 << random.below(8));
    }
    return form;
  },
  'another boundary': (sound) => ({
    ...assemble([file(sound, 'a.wav')], 'fuzz'),
    contentType: 'multipart/form-data; boundary=other',
  }),
  'no boundary': (sound, random) => ({
    ...assemble([file(sound, 'a.wav')], 'fuzz'),
    contentType: random.pick([
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary="',
      'multipart/form-data; =',
    ]),
  }),
  'a long boundary': (sound, random) =>
    assemble([file(sound, 'a.wav')], 'b'.repeat(random.pick([69, 70, 71, 200, 4000]))),
  'a strange boundary': (sound, random) =>
    assemble([file(sound, 'a.wav')], random.pick(['-', '--', '----', "a'b(c)+_,./:=?", '%0d%0a'])),
  'the boundary in the sound': (sound) =>
    assemble([file(Buffer.concat([sound, Buffer.from('\r\n--fuzz'), sound]), 'a.wav')], 'fuzz'),
  'another type': (sound, random) => ({
    ...assemble([file(sound, 'a.wav')], 'fuzz'),
    contentType: random.pick([
      'application/json',
      'audio/wav',
      'text/plain',
      'multipart/mixed; boundary=fuzz',
      'application/x-www-form-urlencoded',
      ';;;',
    ]),
  }),
  'no body': () => ({ contentType: 'multipart/form-data; boundary=fuzz', body: Buffer.alloc(0) }),
  'no parts': () => assemble([], 'fuzz'),
  'no file': () => assemble([field('model', 'flux-voice'), field('language', 'en')], 'fuzz'),
  'an empty file': () => assemble([file(Buffer.alloc(0), 'a.wav')], 'fuzz'),
  'two files': (sound, random, other = random.bytes(100)) =>
    assemble([file(sound, 'a.wav'), file(other, 'b.wav')], 'fuzz'),
  'the file under another name': (sound) =>
    assemble([{ head: 'content-disposition: form-data; name="audio"; filename="a.wav"', content: sound }], 'fuzz'),
  'a file without a name': (sound) =>
    assemble([{ head: 'content-disposition: form-data; name="file"', content: sound }], 'fuzz'),
  'a part without a head': (sound) => assemble([{ head: '', content: sound }, file(sound, 'a.wav')], 'fuzz'),
  'strange heads': (sound, random) =>
    assemble([{ head: random.pick(strangeHeads), content: sound }, file(sound, 'a.wav')], 'fuzz'),
  'a huge head': (sound, random) => {
    const long = 'n'.repeat(random.pick([1000, 16_000, 17_000, 100_000, 300_000]));
    return assemble(
      [{ head: `content-disposition: form-data; name="${long}"`, content: Buffer.from('x') }, file(sound, 'a.wav')],
      'fuzz',
    );
  },
  'a huge value': (sound, random) =>
    assemble([field('prompt', 'p'.repeat(random.pick([1000, 65_536, 65_537, 500_000]))), file(sound, 'a.wav')], 'fuzz'),
  'very many fields': (sound, random) => {
    const count = random.pick([200, 256, 257, 2000]);
    return assemble(
      [...Array.from({ length: count }, (_, index) => field(`f${index}`, 'v')), file(sound, 'a.wav')],
      'fuzz',
    );
  },
  'the same field often': (sound, random) =>
    assemble([...Array(random.between(2, 50)).fill(field('model', 'flux-voice')), file(sound, 'a.wav')], 'fuzz'),
  'a form in the form': (sound) => {
    const inner = assemble([file(sound, 'a.wav')], 'inner');
    return assemble(
      [
        {
          head: 'content-disposition: form-data; name="file"\r\ncontent-type: multipart/mixed; boundary=inner',
          content: inner.body,
        },
      ],
      'fuzz',
    );
  },
  'line feeds alone': (sound) => {
    const form = assemble([field('model', 'flux-voice'), file(sound, 'a.wav')], 'fuzz');
    return { ...form, body: Buffer.from(form.body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1') };
  },
  'noise before and after': (sound, random) => {
    const form = assemble([file(sound, 'a.wav')], 'fuzz');
    return { ...form, body: Buffer.concat([random.bytes(200), Buffer.from('\r\n'), form.body, random.bytes(200)]) };
  },
  'noise alone': (_sound, random) => ({
    contentType: 'multipart/form-data; boundary=fuzz',
    body: random.bytes(random.between(1, 5000)),
  }),
} satisfies Record<string, (sound: Buffer, random: SeededRandom) => Omit<Form, 'story'>>;

const strangeHeads = [
  'content-disposition: attachment; name="file"',
  'content-disposition: form-data; name=file; filename=a.wav; name=model',
  'content-disposition: form-data; name="fi\\"le"; filename="..\\..\\etc\\passwd"',
  "content-disposition: form-data; name*=utf-8''file; filename*=utf-8''%ff%fe%00",
  'content-disposition: form-data; name="file"; filename="../../../../etc/passwd"',
  'content-disposition: form-data; name="\0\0\0"',
  'content-disposition: form-data; name="__proto__"',
  'content-disposition: form-data; name="constructor"\r\ncontent-type: text/plain; charset=utf-99',
  'content-disposition: form-data; name="model"\r\ncontent-transfer-encoding: base64',
  'content-type: multipart/form-data; boundary=fuzz',
  'no colon at all',
  ': no name',
  'content-disposition: form-data; name="\xff\xfe"',
  `${'x-header: value\r\n'.repeat(100)}content-disposition: form-data; name="prompt"`,
];

/** A whole sound file, with values that no client should send. */
function strangeFields(random: SeededRandom, bases: readonly FuzzBase[]): Form {
  const parts = Array.from({ length: random.between(1, 5) }, () =>
    field(random.pick(fieldNames), strangeValue(random)),
  );
  const sound = random.pick(bases);
  const at = random.below(parts.length + 1);
  const form = assemble([...parts.slice(0, at), file(sound.bytes, random.pick(fileNames)), ...parts.slice(at)], 'fuzz');
  return { ...form, story: `${sound.name}, fields ${parts.map((part) => part.head.slice(32, 64)).join(' ')}` };
}

const fieldNames = [
  ...[
    'model',
    'language',
    'languages[]',
    'keywords[]',
    'prompt',
    'response_format',
    'temperature',
    'stream',
    'include[]',
  ],
  ...[
    'include',
    'timestamp_granularities[]',
    'timestamp_granularities',
    'chunking_strategy',
    'chunking_strategy[type]',
  ],
  ...[
    'chunking_strategy[threshold]',
    'known_speaker_names[]',
    'known_speaker_references[]',
    '__proto__',
    'a[b][c][]',
    '',
  ],
];
const values = [
  ...[
    'flux-voice',
    'local/moonshine-tiny',
    'openai/whisper-1',
    '../../etc/passwd',
    'en',
    'EN-us',
    'de',
    'klingon',
    'auto',
  ],
  ...['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json', 'xml', 'JSON', 'word', 'segment', 'word,segment'],
  ...[
    'true',
    'false',
    '1',
    '0',
    '0.5',
    '-1',
    '1e309',
    'NaN',
    'Infinity',
    '0x10',
    ' ',
    '',
    'null',
    'undefined',
    '[]',
    '{}',
  ],
  ...[
    '{"type":"server_vad"}',
    '{"type":"server_vad","threshold":7}',
    '{"type":',
    '[[[[',
    '"',
    'logprobs',
    '\0',
    '\r\n',
    '\u{1f399}',
  ],
  ...['data:audio/wav;base64,AAAA', '<script>', "'; drop table keys; --", '%00%ff', 'server_vad', '\ud800'],
];
const fileNames = [
  'a.wav',
  'speech.mp3',
  'x',
  '',
  'a.webm',
  'é\u{1f399}.ogg',
  '../a.m4a',
  'n'.repeat(300),
  'a.mpga',
  'a"b.flac',
];

function strangeValue(random: SeededRandom): string {
  const draw = random.below(10);
  if (draw === 0) return random.bytes(random.below(200)).toString('latin1');
  if (draw === 1) return random.pick(values).repeat(random.between(2, 300));
  return random.pick(values);
}

function field(name: string, value: string): Part {
  return { head: `content-disposition: form-data; name="${name}"`, content: Buffer.from(value) };
}

function file(content: Buffer, name: string): Part {
  const quoted = name.replaceAll('"', '%22');
  return {
    head: `content-disposition: form-data; name="file"; filename="${quoted}"\r\ncontent-type: application/octet-stream`,
    content,
  };
}

function assemble(parts: readonly Part[], boundary: string): Omit<Form, 'story'> {
  const pieces = parts.flatMap(({ head, content }) => [
    Buffer.from(`--${boundary}\r\n`),
    Buffer.from(`${head}\r\n\r\n`, head.includes('\xff') ? 'latin1' : 'utf8'),
    content,
    Buffer.from('\r\n'),
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

function cut(form: Omit<Form, 'story'>, bytes: number): Omit<Form, 'story'> {
  return { ...form, body: form.body.subarray(0, form.body.length - bytes) };
}

interface Framed {
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly story: string;
  readonly wantsAnswer: boolean;
}

function wellFramed(body: Buffer, random: SeededRandom): Framed {
  if (random.chance(0.7)) {
    return { headers: [`content-length: ${body.length}`], body, story: 'sized', wantsAnswer: true };
  }
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, at + random.between(1, 20_000));
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    at += piece.length;
  }
  pieces.push(Buffer.from('0\r\n\r\n'));
  return { headers: ['transfer-encoding: chunked'], body: Buffer.concat(pieces), story: 'chunked', wantsAnswer: true };
}

/** More is promised than comes; the server gives up waiting. */
function tooLong(body: Buffer, random: SeededRandom): Framed {
  const promised = random.pick([body.length + 1, body.length + 1000, 2 ** 31, 2 ** 40]);
  return { headers: [`content-length: ${promised}`], body, story: `promises ${promised} bytes`, wantsAnswer: true };
}

/** What is left over looks like another request. */
function tooShort(body: Buffer, random: SeededRandom): Framed {
  const promised = random.below(body.length + 1);
  return { headers: [`content-length: ${promised}`], body, story: `promises ${promised} bytes`, wantsAnswer: true };
}

function brokenChunks(body: Buffer, random: SeededRandom): Framed {
  const size = random.pick(['zz', '-5', 'ffffffffffffffffff', '', '5;', '1']);
  const chunked = Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
  return { headers: ['transfer-encoding: chunked'], body: chunked, story: `chunk of '${size}'`, wantsAnswer: false };
}

/** The client goes away in the middle. */
function brokenOff(body: Buffer, random: SeededRandom): Framed {
  const sent = body.subarray(0, random.below(body.length + 1));
  return { headers: [`content-length: ${body.length + 1}`], body: sent, story: 'broken off', wantsAnswer: false };
}
