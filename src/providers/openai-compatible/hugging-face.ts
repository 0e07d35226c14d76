import type { Audio } from '../../audio/audio.ts';
import type { StreamedBody } from '../../net/guarded-fetch.ts';
import { storedBytes } from '../support/stored-bytes.ts';

/** A multiple of three: what it encodes to needs no padding in the middle. */
const chunkBytes = 192 * 1024;

/**
 * Hugging Face's own route takes parameters only as JSON, with the recording in base64 inside. It is encoded while it is
 * sent, so that no copy of the file is ever in memory.
 */
export function huggingFaceUpload(audio: Audio, temperature: number | null): StreamedBody {
  const parameters = {
    return_timestamps: true,
    ...(temperature !== null && { generation_parameters: { temperature } }),
  };
  const head = Buffer.from('{"inputs":"');
  const tail = Buffer.from(`","parameters":${JSON.stringify(parameters)}}`);
  return {
    contentType: 'application/json',
    sizeBytes: head.length + Math.ceil(audio.stored.sizeBytes / 3) * 4 + tail.length,
    async *open() {
      yield head;
      let rest: Buffer = Buffer.alloc(0);
      for await (const piece of storedBytes(audio.stored, chunkBytes)) {
        // A read may give less than was asked for; what does not fill three bytes waits.
        const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
        const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        const whole = bytes.length - (bytes.length % 3);
        yield Buffer.from(bytes.toString('base64', 0, whole));
        rest = bytes.subarray(whole);
      }
      if (rest.length > 0) yield Buffer.from(rest.toString('base64'));
      yield tail;
    },
  };
}
