import type { ContainerName } from './audio.ts';
import type { ByteSource } from './byte-source.ts';
import { latin1 } from './byte-source.ts';
import { looksLikeAdts } from './containers/adts.ts';
import { audioUnreadable, unsupportedAudio } from './containers/container.ts';
import { skipId3 } from './containers/id3.ts';
import { looksLikeMpegAudio } from './containers/mpeg-audio.ts';

export interface Sniffed {
  readonly container: ContainerName;
  /** Where the container starts, after any ID3 tag. */
  readonly start: number;
}

/** First boxes of MP4 and QuickTime files, old ones without `ftyp` included. */
const mp4Types: ReadonlySet<string> = new Set(['ftyp', 'moov', 'moof', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp']);

/** Files that people do upload, by their first bytes, so that the refusal can name them. */
const refused: readonly (readonly [string, string])[] = [
  ['#EXTM3U', 'A playlist'],
  ['#!AMR', 'AMR'],
  ['FORM', 'AIFF'],
  ['.snd', 'AU'],
  ['caff', 'CAF'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'Windows Media'],
  ['MThd', 'MIDI'],
  ['%PDF', 'PDF'],
  ['PK\x03\x04', 'A ZIP archive'],
];

const ACCEPTED = 'Send flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav or webm.';

/**
 * Tells the container by its bytes alone. Throws `unsupported_audio` for anything that is none of ours, playlists and text
 * included, and `audio_unreadable` for an empty file or one of ours without a beginning.
 */
export function sniff(source: ByteSource): Sniffed {
  if (source.sizeBytes === 0) throw audioUnreadable('The file is empty.');
  const whole = byMagic(source, 0);
  if (whole) return { container: whole, start: 0 };
  const start = skipId3(source);
  if (start > 0) {
    const tagged = byMagic(source, start);
    if (tagged === 'flac' || tagged === 'ogg') return { container: tagged, start };
  }
  // Synchronisation words are weak evidence: they are looked for last, and several in a row.
  if (looksLikeMpegAudio(source, start)) return { container: 'mp3', start };
  if (looksLikeAdts(source, start)) return { container: 'adts', start };
  if (start > 0) throw audioUnreadable('The file has a tag but no sound after it.');
  const head = latin1(source.read(0, 16));
  for (const [magic, name] of refused) {
    if (head.startsWith(magic)) throw unsupportedAudio(`${name} is not a supported audio file. ${ACCEPTED}`);
  }
  throw unsupportedAudio(`The file is not in a supported audio format. ${ACCEPTED}`);
}

function byMagic(source: ByteSource, start: number): ContainerName | null {
  const bytes = source.read(start, 12);
  const magic = latin1(bytes, 0, 4);
  if (magic === 'RIFF' || magic === 'RIFX' || magic === 'RF64' || magic === 'BW64') {
    return latin1(bytes, 8, 12) === 'WAVE' ? 'wav' : null;
  }
  if (magic === 'OggS') return 'ogg';
  if (magic === 'fLaC') return 'flac';
  if (magic === '\x1a\x45\xdf\xa3') return 'webm';
  if (magic === '\0\0\x01\xba') return 'mpeg';
  if (magic === '\0\0\x01\xb3') throw audioUnreadable('The file is a bare video stream: it has no audio track.');
  if (mp4Types.has(latin1(bytes, 4, 8))) return 'mp4';
  return null;
}
