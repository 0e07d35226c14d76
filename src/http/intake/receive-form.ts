import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { GatewayError } from '../../core/errors.ts';
import type { HttpLimits } from '../http-limits.ts';
import { type Spool, type SpooledFile, tooLarge } from './spool.ts';

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
  | 'maxUploadBytes'
  | 'maxFormOverheadBytes'
  | 'maxFieldBytes'
  | 'maxFields'
  | 'uploadIdleTimeoutMs'
  | 'uploadTimeoutMs'
  | 'spoolThresholdBytes'
>;

/** Bytes of a part's headers; clients send under 300, busboy's own default allows 80 KiB. */
const maxPartHeaderBytes = 16 * 1024;

/**
 * Reads a multipart form off a request, its parts in any order, sized or chunked. The part named `file` goes to the
 * spool as it arrives, whatever it is called and typed. Rejects as soon as it is known that the form cannot be used, while
 * the client may still be sending; what still comes is then read and dropped. Rejects with GatewayError
 * `invalid_multipart`, `invalid_value`, `payload_too_large`, `upload_timeout`, `storage_full` or `client_closed_request`;
 * no file is left behind then.
 */
export async function receiveForm(request: IncomingMessage, spool: Spool, limits: IntakeLimits): Promise<ReceivedForm> {
  const parser = createParser(request.headers, limits);
  const fields = new Map<string, string[]>();
  const otherFiles: string[] = [];
  let receivedBytes = 0;
  let partsStarted = 0;
  let part: BusboyFileStream | null = null;
  let writing: Promise<SpooledFile> | null = null;
  let settled = false;

  return new Promise((resolve, reject) => {
    const idle = setTimeout(() => {
      // A client is not blamed for our own slow disk.
      if (request.isPaused()) idle.refresh();
      else fail(uploadTimeout('No bytes arrived for a while.'));
    }, limits.uploadIdleTimeoutMs);
    const total = setTimeout(() => fail(uploadTimeout('It took too long.')), limits.uploadTimeoutMs);

    request.on('data', receive);
    request.on('end', endOfBody);
    request.on('close', hungUp);
    // A broken connection is told by 'close'; without a listener the error would end the process.
    request.on('error', () => {});
    parser.on('drain', () => {
      if (!settled) request.resume();
    });
    parser.on('error', (cause) => fail(brokenForm(cause)));
    parser.on('fieldsLimit', () => fail(brokenForm(null, `It has more than ${limits.maxFields} fields.`)));
    parser.on('partsLimit', () => fail(brokenForm(null, `It has more than ${limits.maxFields + 2} parts.`)));
    parser.on('field', takeField);
    parser.on('file', takeFile);
    parser.on('finish', finish);

    function receive(chunk: Buffer): void {
      receivedBytes += chunk.length;
      // The file is counted by the spool; this bounds everything together, also parts that nobody wants.
      if (receivedBytes > limits.maxUploadBytes + limits.maxFormOverheadBytes) {
        fail(tooLarge(limits.maxUploadBytes));
        return;
      }
      idle.refresh();
      if (!parser.write(chunk)) request.pause();
    }

    function endOfBody(): void {
      parser.end();
    }

    function hungUp(): void {
      if (!request.complete) {
        fail(new GatewayError('client_closed_request', 'The caller hung up before the upload was complete.'));
      }
    }

    function takeField(name: string | undefined, value: string, _cut: boolean, valueTruncated: boolean): void {
      if (name === undefined) return;
      if (valueTruncated) {
        const most = `The value of '${name.slice(0, 64)}' is longer than ${limits.maxFieldBytes} bytes.`;
        fail(new GatewayError('invalid_value', most, { param: name.slice(0, 64) }));
        return;
      }
      const values = fields.get(name);
      if (values) values.push(value);
      else fields.set(name, [value]);
    }

    function takeFile(name: string | undefined, content: BusboyFileStream): void {
      partsStarted++;
      // Who reads the part hears of its errors; without this listener one that comes before or after would end the process.
      content.on('error', () => {});
      if (settled || name !== 'file') {
        if (name !== undefined && name !== 'file' && otherFiles.length < limits.maxFields) otherFiles.push(name);
        content.resume();
        return;
      }
      if (writing) {
        content.resume();
        fail(new GatewayError('invalid_value', "The form has more than one part named 'file'.", { param: 'file' }));
        return;
      }
      part = content;
      writing = spool.write(content, limits.maxUploadBytes);
      writing.catch(fail);
    }

    /** All parts have been seen; the file may still be on its way to the disk. */
    function finish(): void {
      if (settled) return;
      if (partsStarted === 0 && fields.size === 0) {
        fail(brokenForm(null, 'It has no part.'));
        return;
      }
      (writing ?? Promise.resolve(null)).then((file) => {
        if (settled) return;
        settled = true;
        release();
        resolve({ fields, otherFiles, file, receivedBytes });
      }, fail);
    }

    function fail(thrown: unknown): void {
      if (settled) return;
      settled = true;
      release();
      // From here the rest of the body is only drained, so that the client gets to read the answer.
      request.resume();
      parser.destroy();
      part?.destroy(thrown instanceof Error ? thrown : undefined);
      const removed = writing?.then((file) => file.dispose()).catch(() => {});
      void Promise.resolve(removed).then(() => reject(thrown));
    }

    function release(): void {
      clearTimeout(idle);
      clearTimeout(total);
      request.off('data', receive);
      request.off('end', endOfBody);
      request.off('close', hungUp);
    }
  });
}

/** Whether the request says that its body is a form; throws GatewayError `unsupported_media_type` when it does not. */
export function requireMultipart(headers: IncomingHttpHeaders): string {
  const contentType = headers['content-type'];
  if (contentType !== undefined && /^multipart\/form-data\b/i.test(contentType)) return contentType;
  throw new GatewayError('unsupported_media_type', 'Send the audio as multipart/form-data with a part named file.');
}

function createParser(headers: IncomingHttpHeaders, limits: IntakeLimits): BusboyInstance {
  const contentType = requireMultipart(headers);
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': contentType },
      // Both buffers fit one write to the spool; smaller ones would stop and start the socket at every chunk.
      highWaterMark: limits.spoolThresholdBytes,
      fileHwm: limits.spoolThresholdBytes,
      // Some clients send the bytes without a file name: the name of the part decides.
      isPartAFile: (name, _type, fileName) => name === 'file' || fileName !== undefined,
      limits: {
        fieldSize: limits.maxFieldBytes,
        fields: limits.maxFields,
        parts: limits.maxFields + 2,
        headerSize: maxPartHeaderBytes,
        headerPairs: 32,
      },
    });
  } catch (thrown) {
    throw brokenForm(thrown, 'Its Content-Type has no usable boundary.');
  }
}

function brokenForm(cause: unknown, why = 'It ends too early or its parts cannot be told apart.'): GatewayError {
  return new GatewayError('invalid_multipart', `The body is not a well-formed multipart/form-data. ${why}`, { cause });
}

function uploadTimeout(why: string): GatewayError {
  return new GatewayError('upload_timeout', `The upload was given up. ${why}`);
}
