import { type Audio, PCM_RATE } from '../../audio/audio.ts';
import type { StreamedBody } from '../../net/guarded-fetch.ts';
import { type FormField, formParts } from './multipart-upload.ts';

const headerBytes = 44;

/**
 * The recording decoded to 16-bit mono WAV at 16 kHz inside a form, for services that read nothing else. It is decoded
 * while it is sent; the length is known beforehand from the packets, and silence or a cut makes the sound fit it exactly.
 */
export function wavUpload(fields: readonly FormField[], audio: Audio, signal: AbortSignal): StreamedBody {
  const dataBytes = Math.round((audio.probe.durationMs * PCM_RATE) / 1000) * 2;
  const { contentType, head, tail } = formParts(fields, 'file', 'audio.wav', 'audio/wav');
  return {
    contentType,
    sizeBytes: head.length + headerBytes + dataBytes + tail.length,
    async *open() {
      yield head;
      yield wavHeader(dataBytes);
      let left = dataBytes;
      for await (const chunk of audio.pcm(signal)) {
        const bytes = toSamples(chunk).subarray(0, left);
        left -= bytes.length;
        yield bytes;
      }
      // At most a packet's length: the probe counts whole packets.
      if (left > 0) yield Buffer.alloc(left);
      yield tail;
    },
  };
}

function toSamples(chunk: Float32Array): Buffer {
  const bytes = Buffer.alloc(chunk.length * 2);
  for (const [index, value] of chunk.entries()) {
    bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, value)) * 32_767), index * 2);
  }
  return bytes;
}

function wavHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(dataBytes + headerBytes - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(PCM_RATE, 24);
  header.writeUInt32LE(PCM_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}
