import type { Audio } from '../../audio/audio.ts';
import { newToken } from '../../core/ids.ts';
import type { StreamedBody } from '../../net/guarded-fetch.ts';
import { storedBytes } from './stored-bytes.ts';

/** A text field of a form, in the vendor's spelling. Lists are repeated fields. */
export type FormField = readonly [name: string, value: string];

/**
 * A `multipart/form-data` body of text fields and then the recording (some vendors read fields only before the file), read
 * from where it is stored while it is sent. The part carries the name and type that were found in the bytes: several vendors judge
 * by the name, and what the caller called the file is nobody's business.
 */
export function multipartUpload(fields: readonly FormField[], audio: Audio, fileField = 'file'): StreamedBody {
  const { canonicalFileName, mediaType } = audio.probe;
  const { contentType, head, tail } = formParts(fields, fileField, canonicalFileName, mediaType);
  return {
    contentType,
    sizeBytes: head.length + audio.stored.sizeBytes + tail.length,
    ...(audio.stored.path === null && { pieces: [head, ...audio.stored.pieces, tail] }),
    async *open() {
      yield head;
      yield* storedBytes(audio.stored);
      yield tail;
    },
  };
}

/** What stands before and after the file's bytes. */
export function formParts(fields: readonly FormField[], fileField: string, fileName: string, mediaType: string) {
  const boundary = `fluxscribe-${newToken()}`;
  const texts = fields.map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"\r\n\r\n${value}\r\n`,
  );
  const fileHead =
    `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(fileField)}"; ` +
    `filename="${escapeName(fileName)}"\r\nContent-Type: ${mediaType}\r\n\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    head: Buffer.from(texts.join('') + fileHead),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  };
}

/** The recording alone as a body, with its own type. */
export function rawUpload(audio: Audio, contentType: string = audio.probe.mediaType): StreamedBody {
  return {
    contentType,
    sizeBytes: audio.stored.sizeBytes,
    ...(audio.stored.path === null && { pieces: audio.stored.pieces }),
    async *open() {
      yield* storedBytes(audio.stored);
    },
  };
}

/** As browsers escape names of parts (WHATWG, multipart/form-data encoding algorithm). */
function escapeName(name: string): string {
  if (!/[\n\r"]/.test(name)) return name;
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
