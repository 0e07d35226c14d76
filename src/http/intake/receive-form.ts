import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { GatewayError } from '../../core/errors.ts';
import type { HttpLimits } from '../http-limits.ts';
import { boundaryOf, MalformedMultipart, MultipartParser, type PartHead } from './multipart-parser.ts';
import { type Spool, type SpooledFile, type SpoolWriter, tooLarge } from './spool.ts';

/** A multipart form, completely received. */
export interface ReceivedForm {
  /** Text fields by name as written, each with its values in order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Names of file parts other than `file`; their content was dropped. */
  readonly otherFiles: readonly string[];
  /** The part named `file`, null when there was none. Whoever receives the form disposes of it. */
  readonly file: SpooledFile | null;
  readonly receivedBytes: number;
}

export type IntakeLimits = Pick<
  HttpLimits,
  'maxUploadBytes' | 'maxFormOverheadBytes' | 'maxFieldBytes' | 'maxFields' | 'uploadIdleTimeoutMs' | 'uploadTimeoutMs'
>;

/**
 * Reads a multipart form off a request, its parts in any order, sized or chunked. The part named `file` goes to the
 * spool as it arrives, whatever it is called and typed. Rejects as soon as it is known that the form cannot be used, while
 * the client may still be sending; what still comes is then read and dropped. Rejects with GatewayError
 * `unsupported_media_type`, `invalid_multipart`, `invalid_value`, `payload_too_large`, `upload_timeout`, `storage_full` or
 * `client_closed_request`; no file is left behind then.
 */
export async function receiveForm(request: IncomingMessage, spool: Spool, limits: IntakeLimits): Promise<ReceivedForm> {
  const boundary = boundaryOf(requireMultipart(request.headers));
  if (boundary === null) throw brokenForm('Its Content-Type has no usable boundary.');
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  const parts = new FormParts(spool, limits, announcedBytes, {
    onDrain: () => request.resume(),
    onError: (error) => fail(error),
  });
  const parser = new MultipartParser(boundary, parts);
  const { promise: bodyRead, resolve: succeed, reject: fail } = Promise.withResolvers<void>();
  let receivedBytes = 0;

  const idle = setTimeout(() => {
    // A client is not blamed for our own slow disk.
    if (request.isPaused()) idle.refresh();
    else fail(uploadTimeout('No bytes arrived for a while.'));
  }, limits.uploadIdleTimeoutMs);
  const total = setTimeout(() => fail(uploadTimeout('It took too long.')), limits.uploadTimeoutMs);

  const receive = (chunk: Buffer) => {
    receivedBytes += chunk.length;
    idle.refresh();
    try {
      // The file is counted by the spool; this bounds everything together, also parts that nobody wants.
      if (receivedBytes > limits.maxUploadBytes + limits.maxFormOverheadBytes) throw tooLarge(limits.maxUploadBytes);
      parser.write(chunk);
      if (!parts.ready) request.pause();
    } catch (thrown) {
      // Before the next chunk is looked at, though the promise's own handlers run later.
      request.off('data', receive);
      fail(thrown);
    }
  };
  const endOfBody = () => {
    try {
      parser.end();
      succeed();
    } catch (thrown) {
      fail(thrown);
    }
  };
  const hungUp = () => {
    if (request.complete) return;
    fail(new GatewayError('client_closed_request', 'The caller hung up before the upload was complete.'));
  };
  request.on('data', receive);
  request.on('end', endOfBody);
  request.on('close', hungUp);
  // A broken connection is told by 'close'; without a listener the error would end the process.
  request.on('error', () => {});

  try {
    await bodyRead;
    return { ...(await parts.finish()), receivedBytes };
  } catch (thrown) {
    await parts.discard();
    throw thrown instanceof MalformedMultipart ? brokenForm(thrown.message, thrown) : thrown;
  } finally {
    clearTimeout(idle);
    clearTimeout(total);
    request.off('data', receive);
    request.off('end', endOfBody);
    request.off('close', hungUp);
    // Whatever is still to come is only drained, so that the client gets to read the answer.
    request.resume();
  }
}

/** Whether the request says that its body is a form; throws GatewayError `unsupported_media_type` when it does not. */
export function requireMultipart(headers: IncomingHttpHeaders): string {
  const contentType = headers['content-type'];
  if (contentType !== undefined && /^multipart\/form-data\b/i.test(contentType)) return contentType;
  throw new GatewayError('unsupported_media_type', 'Send the audio as multipart/form-data with a part named file.');
}

/** Where the parts of one form go: text to memory, the file to the spool, the rest nowhere. */
class FormParts {
  /** false: the disk is behind; `onDrain` follows. */
  ready = true;
  readonly #fields = new Map<string, string[]>();
  readonly #otherFiles: string[] = [];
  readonly #spool: Spool;
  readonly #limits: IntakeLimits;
  /** Of the whole form; 0: not said. */
  readonly #announcedBytes: number;
  readonly #disk: { readonly onDrain: () => void; readonly onError: (error: unknown) => void };
  #file: SpoolWriter | null = null;
  #fieldCount = 0;
  /** The part being read. */
  #target: 'file' | 'field' | 'nowhere' = 'nowhere';
  #fieldName = '';
  #fieldPieces: Buffer[] = [];
  #fieldBytes = 0;

  constructor(
    spool: Spool,
    limits: IntakeLimits,
    announcedBytes: number,
    disk: { readonly onDrain: () => void; readonly onError: (error: unknown) => void },
  ) {
    this.#spool = spool;
    this.#limits = limits;
    this.#announcedBytes = announcedBytes;
    this.#disk = disk;
  }

  part({ name, fileName }: PartHead): void {
    this.#target = 'nowhere';
    if (name === null) return;
    if (++this.#fieldCount > this.#limits.maxFields) {
      throw brokenForm(`It has more than ${this.#limits.maxFields} parts.`);
    }
    if (name === 'file') {
      // Some clients send the bytes without a file name: the name of the part decides.
      this.#beginFile();
    } else if (fileName !== null) {
      this.#otherFiles.push(name);
    } else {
      this.#target = 'field';
      this.#fieldName = name;
      this.#fieldPieces = [];
      this.#fieldBytes = 0;
    }
  }

  data(piece: Buffer): void {
    if (this.#target === 'file') {
      if (!this.#file!.write(piece)) this.ready = false;
    } else if (this.#target === 'field') {
      this.#fieldBytes += piece.length;
      if (this.#fieldBytes > this.#limits.maxFieldBytes) {
        const name = this.#fieldName.slice(0, 64);
        const message = `The value of '${name}' is longer than ${this.#limits.maxFieldBytes} bytes.`;
        throw new GatewayError('invalid_value', message, { param: name });
      }
      this.#fieldPieces.push(piece);
    }
  }

  partEnd(): void {
    if (this.#target !== 'field') return;
    const value = Buffer.concat(this.#fieldPieces).toString('utf8');
    this.#fieldPieces = [];
    const values = this.#fields.get(this.#fieldName);
    if (values) values.push(value);
    else this.#fields.set(this.#fieldName, [value]);
  }

  async finish(): Promise<Omit<ReceivedForm, 'receivedBytes'>> {
    if (this.#fieldCount === 0) throw brokenForm('It has no part.');
    const file = this.#file === null ? null : await this.#file.finish();
    this.#file = null;
    return { fields: this.#fields, otherFiles: this.#otherFiles, file };
  }

  /** Nothing of the form is left behind. */
  async discard(): Promise<void> {
    await this.#file?.discard();
  }

  #beginFile(): void {
    if (this.#file) {
      throw new GatewayError('invalid_value', "The form has more than one part named 'file'.", { param: 'file' });
    }
    this.#target = 'file';
    this.#file = this.#spool.begin({
      maxBytes: this.#limits.maxUploadBytes,
      announcedBytes: this.#announcedBytes,
      onDrain: () => {
        this.ready = true;
        this.#disk.onDrain();
      },
      onError: this.#disk.onError,
    });
  }
}

function brokenForm(why: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_multipart', `The body is not a well-formed multipart/form-data. ${why}`, { cause });
}

function uploadTimeout(why: string): GatewayError {
  return new GatewayError('upload_timeout', `The upload was given up. ${why}`);
}
