import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A Python wheel as an index serves it. */
export interface MadeWheel {
  /** `name==1.0.0` */
  readonly requirement: string;
  readonly fileName: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Makes a wheel (stored, not compressed) with these files; equal files make equal bytes. */
export function makeWheel(name: string, files: ReadonlyMap<string, Buffer>): MadeWheel {
  const underscored = name.replaceAll('-', '_');
  const info = `${underscored}-1.0.0.dist-info`;
  const entries = new Map([
    ...files,
    [`${info}/METADATA`, Buffer.from(`Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0.0\n`)],
    [`${info}/WHEEL`, Buffer.from('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')],
  ]);
  const record = [...entries].map(([path, bytes]) => `${path},sha256=${base64Url(bytes)},${bytes.length}`);
  entries.set(`${info}/RECORD`, Buffer.from(`${record.join('\n')}\n${info}/RECORD,,\n`));
  const bytes = zip(entries);
  return {
    requirement: `${name}==1.0.0`,
    fileName: `${underscored}-1.0.0-py3-none-any.whl`,
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** What an index of these wheels serves (PEP 503), by path. */
export function indexOf(wheels: readonly MadeWheel[]): Map<string, Buffer> {
  const served = new Map<string, Buffer>();
  for (const wheel of wheels) {
    const name = wheel.requirement.split('==')[0]!;
    const page = `<!DOCTYPE html><html><body><a href="/files/${wheel.fileName}">${wheel.fileName}</a></body></html>`;
    served.set(`/simple/${name}/`, Buffer.from(page));
    served.set(`/files/${wheel.fileName}`, wheel.bytes);
  }
  return served;
}

function base64Url(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

/** APPNOTE 4.3: local headers with their data, then the central directory. */
function zip(entries: ReadonlyMap<string, Buffer>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [path, bytes] of entries) {
    const name = Buffer.from(path);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    // 1 January 1980, the first day there is.
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    locals.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, bytes);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, name);
    offset += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.size, 4);
  end.writeUInt16LE(entries.size, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
