import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { boundaryOf, MalformedMultipart, MultipartParser } from './multipart-parser.ts';

interface Seen {
  name: string | null;
  fileName: string | null;
  content: string;
  ended: boolean;
}

/** Parses the bytes in the pieces that the cuts make, and ends. */
function parse(body: string | Buffer, cuts: readonly number[] = [], boundary = 'b'): Seen[] {
  const bytes = Buffer.from(body);
  const seen: Seen[] = [];
  const parser = new MultipartParser(boundary, {
    part: (head) => seen.push({ ...head, content: '', ended: false }),
    data: (piece) => {
      seen.at(-1)!.content += piece.toString('latin1');
    },
    partEnd: () => {
      seen.at(-1)!.ended = true;
    },
  });
  let from = 0;
  for (const cut of [...cuts].sort((left, right) => left - right)) {
    if (cut <= from || cut >= bytes.length) continue;
    parser.write(bytes.subarray(from, cut));
    from = cut;
  }
  parser.write(bytes.subarray(from));
  parser.end();
  return seen;
}

const field = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

describe('multipart parser', () => {
  it('finds the same parts however the bytes are cut', () => {
    const body = `preamble\r\n${field('model', 'x')}${field('file', 'a\r\n--a\r\n-\r\n--\r\n\r\n')}${field('', '')}--b--\r\nepilogue`;
    const whole = parse(body);
    assert.deepEqual(
      whole.map((one) => [one.name, one.content, one.ended]),
      [
        ['model', 'x', true],
        ['file', 'a\r\n--a\r\n-\r\n--\r\n\r\n', true],
        ['', '', true],
      ],
    );
    for (let cut = 1; cut < body.length; cut++) assert.deepEqual(parse(body, [cut]), whole, `cut at ${cut}`);
    assert.deepEqual(
      parse(
        body,
        Array.from({ length: body.length }, (_, index) => index),
      ),
      whole,
    );
  });

  it('gives back any content byte for byte, in any pieces, as long as it does not hold the boundary', () => {
    const nasty = fc.array(fc.constantFrom('\r', '\n', '-', '--', '\r\n', '\r\n--', '\r\n--q', 'b', 'q', 'Z\u0000'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(nasty, fc.array(fc.nat(300)), (pieces, cuts) => {
        const content = pieces.join('');
        fc.pre(!content.includes('\r\n--b'));
        const body = `${field('file', content)}--b--`;
        assert.deepEqual(parse(body, cuts), [{ name: 'file', fileName: null, content, ended: true }]);
      }),
      { numRuns: 500 },
    );
  });

  it('reads names and file names in every notation', () => {
    const heads: [string, string | null, string | null][] = [
      ['form-data; name="file"; filename="a.wav"', 'file', 'a.wav'],
      ['form-data; name=file; filename=a.wav', 'file', 'a.wav'],
      ['form-data; filename="录音 é.wav"; name="file"', 'file', '录音 é.wav'],
      ['form-data;name="file";filename="C:\\\\x\\"y.wav"', 'file', 'C:\\x"y.wav'],
      ['form-data; name="file"; filename*=UTF-8\'\'a%20b.wav', 'file', "UTF-8''a%20b.wav"],
      ['FORM-DATA; NAME="file"', 'file', null],
      ['form-data; name="a;b=\\"c\\""', 'a;b="c"', null],
      ['form-data; name="timestamp_granularities[]"', 'timestamp_granularities[]', null],
      ['form-data', null, null],
      ['attachment; name="file"', null, null],
    ];
    for (const [disposition, name, fileName] of heads) {
      const [part] = parse(`--b\r\ncontent-type: x/y\r\nCONTENT-disposition: ${disposition}\r\n\r\nv\r\n--b--`);
      assert.deepEqual([part!.name, part!.fileName, part!.content], [name, fileName, 'v'], disposition);
    }
    const [folded] = parse('--b\r\nContent-Disposition: form-data;\r\n name="x"\r\n\r\nv\r\n--b--');
    assert.equal(folded!.name, 'x');
  });

  it('takes parts without any header, and padding after a boundary', () => {
    assert.deepEqual(
      parse('--b\r\n\r\nnobody’s\r\n--b \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--').map(
        (one) => one.name,
      ),
      [null, 'a'],
    );
  });

  it('refuses bodies that end too early, have no boundary or a wrong one', () => {
    const broken = [
      '',
      'x',
      '--b',
      '--b\r\n',
      field('a', '1'),
      `${field('a', '1')}--b-`,
      `${field('a', '1')}--bad\r\n\r\n`,
    ];
    for (const body of broken) assert.throws(() => parse(body), MalformedMultipart, JSON.stringify(body));
    assert.throws(() => parse(`--b\r\nx: ${'y'.repeat(20_000)}\r\n\r\n\r\n--b--`), /too long/);
    assert.throws(() => parse(`--b${' '.repeat(400)}\r\n\r\n\r\n--b--`, [300]), MalformedMultipart);
  });

  it('passes on what a handler throws', () => {
    const parser = new MultipartParser('b', {
      part: () => {
        throw new RangeError('enough');
      },
      data: () => {},
      partEnd: () => {},
    });
    assert.throws(() => parser.write(Buffer.from(field('a', '1'))), RangeError);
  });
});

describe('the boundary of a Content-Type', () => {
  it('is read in every notation', () => {
    const cases: [string, string | null][] = [
      ['multipart/form-data; boundary=abc', 'abc'],
      ['multipart/form-data;boundary="a b"', 'a b'],
      ['Multipart/Form-Data; charset=utf-8; Boundary===abc==', '==abc=='],
      ['multipart/form-data; boundary=abc; charset=utf-8', 'abc'],
      ['multipart/form-data', null],
      ['multipart/form-data; boundary=', null],
      [`multipart/form-data; boundary=${'x'.repeat(201)}`, null],
    ];
    for (const [contentType, boundary] of cases) assert.equal(boundaryOf(contentType), boundary, contentType);
  });
});
