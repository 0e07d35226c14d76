import type { ByteSource } from '../byte-source.ts';

/** More tags than this before the sound is not a music file but a trick. */
const MAX_TAGS = 16;

/** Where the sound starts: after any ID3v2 tags at the head of the file. */
export function skipId3(source: ByteSource): number {
  let position = 0;
  for (let tag = 0; tag < MAX_TAGS; tag++) {
    const head = source.read(position, 10);
    const isTag = head.length === 10 && head[0] === 0x49 && head[1] === 0x44 && head[2] === 0x33 && head[3]! < 0xff;
    if (!isTag) break;
    const [a, b, c, d] = [head[6]!, head[7]!, head[8]!, head[9]!];
    if ((a | b | c | d) & 0x80) break;
    const hasFooter = (head[5]! & 0x10) !== 0;
    position += 10 + ((a << 21) | (b << 14) | (c << 7) | d) + (hasFooter ? 10 : 0);
  }
  return position;
}
