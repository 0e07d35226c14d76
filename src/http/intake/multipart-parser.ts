/** Called in the order of the body: a part's head, its content in any number of pieces, its end. */
export interface MultipartHandlers {
  part(head: PartHead): void;
  /** The piece is only lent: it is a view of the chunk that was written. */
  data(piece: Buffer): void;
  partEnd(): void;
}

export interface PartHead {
  /** null: the part says no name, so nobody can want it. */
  readonly name: string | null;
  /** null: the part says no file name. It is the caller's own word and good for nothing but telling a file from a field. */
  readonly fileName: string | null;
}

/** The body is not what RFC 7578 describes; `message` says why, in words of ours. */
export class MalformedMultipart extends Error {
  override readonly name = 'MalformedMultipart';
}

/** Heads that clients send have under 300 bytes. */
const maxHeadBytes = 16 * 1024;
const carriageReturn = 0x0d;
const dash = 0x2d;

type State = 'start' | 'body' | 'delimiter' | 'head' | 'epilogue';

/**
 * A push parser for `multipart/form-data` that never waits and never copies content: after every `write` it has told all
 * that the bytes so far say, and after `end` it is either complete or has thrown. See docs/decisions for why it is ours.
 */
export class MultipartParser {
  readonly #handlers: MultipartHandlers;
  readonly #delimiter: Buffer;
  #state: State = 'start';
  /** Nothing is told of what comes before the first delimiter. */
  #inPart = false;
  /** Bytes that cannot be judged before more have come. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(boundary: string, handlers: MultipartHandlers) {
    this.#handlers = handlers;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** Throws MalformedMultipart, and whatever a handler throws; the parser must not be used after that. */
  write(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // Each step takes bytes off the front or moves on to the next state; when it does neither, it needs more.
    for (;;) {
      const state = this.#state;
      const left = this.#step(data);
      const stuck = left.length === data.length && this.#state === state;
      data = left;
      if (stuck || data.length === 0) break;
    }
    this.#rest = data;
  }

  /** The body is over. Throws MalformedMultipart when the last delimiter has not come. */
  end(): void {
    if (this.#state !== 'epilogue') throw new MalformedMultipart('It ends before its last boundary.');
  }

  #step(data: Buffer): Buffer {
    switch (this.#state) {
      case 'start':
        return this.#readStart(data);
      case 'body':
        return this.#readBody(data);
      case 'delimiter':
        return this.#readDelimiterEnd(data);
      case 'head':
        return this.#readHead(data);
      case 'epilogue':
        return data.subarray(data.length);
    }
  }

  /** The first delimiter lacks its line break, unless something comes before it that nobody is to read. */
  #readStart(data: Buffer): Buffer {
    const bare = this.#delimiter.length - 2;
    const seen = Math.min(bare, data.length);
    if (data.compare(this.#delimiter, 2, 2 + seen, 0, seen) !== 0) {
      this.#state = 'body';
      return data;
    }
    if (seen < bare) return data;
    this.#state = 'delimiter';
    return data.subarray(bare);
  }

  #readBody(data: Buffer): Buffer {
    const at = data.indexOf(this.#delimiter);
    if (at < 0) {
      const kept = this.#possibleStart(data);
      this.#tell(data.subarray(0, kept));
      return data.subarray(kept);
    }
    this.#tell(data.subarray(0, at));
    if (this.#inPart) this.#handlers.partEnd();
    this.#inPart = false;
    this.#state = 'delimiter';
    return data.subarray(at + this.#delimiter.length);
  }

  #tell(piece: Buffer): void {
    if (this.#inPart && piece.length > 0) this.#handlers.data(piece);
  }

  /** Where a delimiter may have begun that the next chunk completes; the length of the data when nowhere. */
  #possibleStart(data: Buffer): number {
    let at = data.indexOf(carriageReturn, Math.max(0, data.length - this.#delimiter.length + 1));
    while (at >= 0) {
      const tail = data.length - at;
      if (data.compare(this.#delimiter, 0, tail, at) === 0) return at;
      at = data.indexOf(carriageReturn, at + 1);
    }
    return data.length;
  }

  /** After a boundary comes `--` for the last one; else the line ends, after padding that some senders add. */
  #readDelimiterEnd(data: Buffer): Buffer {
    if (data.length < 2) return data;
    if (data[0] === dash && data[1] === dash) {
      this.#state = 'epilogue';
      return data.subarray(2);
    }
    const end = data.indexOf('\r\n');
    if (end < 0 && data.length < 256) return data;
    if (end < 0 || !/^[ \t]*$/.test(data.toString('latin1', 0, end))) {
      throw new MalformedMultipart('A boundary is followed by something else than a line break.');
    }
    this.#state = 'head';
    // The line break stays: a head without any header is this one and the next.
    return data.subarray(end);
  }

  #readHead(data: Buffer): Buffer {
    const end = data.indexOf('\r\n\r\n');
    if (end > maxHeadBytes || (end < 0 && data.length > maxHeadBytes)) {
      throw new MalformedMultipart('The headers of a part are too long.');
    }
    if (end < 0) return data;
    this.#state = 'body';
    this.#inPart = true;
    this.#handlers.part(readPartHead(data.toString('utf8', 0, end)));
    return data.subarray(end + 4);
  }
}

/** The boundary that a Content-Type names, null when it names none that may be. */
export function boundaryOf(contentType: string): string | null {
  const named = /;\s*boundary\s*=\s*(?:"([^"\r\n]*)"|([^;\r\n]*))/i.exec(contentType);
  const boundary = (named?.[1] ?? named?.[2] ?? '').trim();
  // RFC 2046 allows 70 characters; nobody needs more, and a short one in a large body is a search for everything.
  return boundary.length >= 1 && boundary.length <= 200 ? boundary : null;
}

/** What nearly every client writes, in the order in which it does. */
const plainHead =
  /^\r\ncontent-disposition: form-data; name="([^"\\\r\n]*)"(?:; filename="([^"\\\r\n]*)")?(?:\r\ncontent-type: [^\r\n]*)?$/i;

function readPartHead(head: string): PartHead {
  const plain = plainHead.exec(head);
  if (plain) return { name: plain[1]!, fileName: plain[2] ?? null };
  const unfolded = head.replaceAll(/\r\n[ \t]+/g, ' ');
  const disposition = /^content-disposition[ \t]*:[ \t]*form-data[ \t]*(;.*)$/im.exec(unfolded)?.[1] ?? '';
  let name: string | null = null;
  let fileName: string | null = null;
  for (const match of disposition.matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)) {
    const value = match[2]?.replaceAll(/\\(["\\])/g, '$1') ?? match[3]?.trim() ?? '';
    const parameter = match[1]!.toLowerCase();
    if (parameter === 'name') name = value;
    else if (parameter === 'filename' || parameter === 'filename*') fileName = value;
  }
  return { name, fileName };
}
