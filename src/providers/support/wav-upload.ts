import { type Audio, PCM_RATE } from '../../audio/audio.ts';
import { toWavSamples, WAV_HEADER_BYTES, wavHeader } from '../../audio/wav-bytes.ts';
import type { StreamedBody } from '../../net/guarded-fetch.ts';
import { type FormField, formParts } from './multipart-upload.ts';

/**
 * The recording decoded to 16-bit mono WAV at 16 kHz inside a form, for services that read nothing else. It is decoded
 * while it is sent; the length is known beforehand from the packets, and silence or a cut makes the sound fit it exactly.
 */
export function wavUpload(fields: readonly FormField[], audio: Audio, signal: AbortSignal): StreamedBody {
  const dataBytes = Math.round((audio.probe.durationMs * PCM_RATE) / 1000) * 2;
  const { contentType, head, tail } = formParts(fields, 'file', 'audio.wav', 'audio/wav');
  return {
    contentType,
    sizeBytes: head.length + WAV_HEADER_BYTES + dataBytes + tail.length,
    async *open() {
      yield head;
      yield wavHeader(dataBytes);
      let left = dataBytes;
      for await (const chunk of audio.pcm(signal)) {
        const bytes = toWavSamples(chunk).subarray(0, left);
        left -= bytes.length;
        yield bytes;
      }
      // At most a packet's length: the probe counts whole packets.
      if (left > 0) yield Buffer.alloc(left);
      yield tail;
    },
  };
}
