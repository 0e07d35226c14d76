import type { ContainerName } from '../audio.ts';
import type { ByteSource } from '../byte-source.ts';
import { sniff } from '../sniff.ts';
import { readAdts } from './adts.ts';
import type { DemuxedAudio } from './container.ts';
import { readFlac } from './flac.ts';
import { readMatroska } from './matroska.ts';
import { readMp4 } from './mp4.ts';
import { readMpegAudio } from './mpeg-audio.ts';
import { readMpegProgramStream } from './mpeg-program-stream.ts';
import { readOgg } from './ogg.ts';
import { readWav } from './wav.ts';

const readers: Readonly<Record<ContainerName, (source: ByteSource, start: number) => DemuxedAudio>> = {
  wav: readWav,
  mp3: readMpegAudio,
  flac: readFlac,
  ogg: readOgg,
  mp4: readMp4,
  webm: readMatroska,
  mpeg: readMpegProgramStream,
  adts: readAdts,
};

/** Tells the container by content and reads its header. Throws GatewayError; nothing is decoded. */
export function demux(source: ByteSource): DemuxedAudio {
  const { container, start } = sniff(source);
  return readers[container](source, start);
}
