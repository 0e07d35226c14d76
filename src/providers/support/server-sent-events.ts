import { nonsense } from './vendor-failure.ts';

export interface ServerSentEvent {
  /** `message` when the stream names none. */
  readonly event: string;
  /** The `data:` lines, joined by line feeds. */
  readonly data: string;
}

/** One event holds at most a whole transcript; more than this is not one. In UTF-16 units. */
const longestEvent = 8 * 1024 * 1024;

/**
 * Reads an event stream (WHATWG HTML, server-sent events): lines end with LF, CRLF or CR, comments and unknown fields are
 * passed over, characters may be split anywhere. A last event without its empty line counts too: some servers forget it.
 */
export async function* readServerSentEvents(
  chunks: AsyncIterable<Uint8Array>,
  maxEventLength: number = longestEvent,
): AsyncGenerator<ServerSentEvent> {
  let event = '';
  let data: string[] = [];
  let dataLength = 0;
  for await (const line of readLines(chunks, maxEventLength)) {
    if (line === '') {
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n') };
      event = '';
      data = [];
      dataLength = 0;
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') event = value;
    if (field !== 'data') continue;
    dataLength += value.length;
    if (dataLength > maxEventLength) throw nonsense('has an event that is too long');
    data.push(value);
  }
  if (data.length > 0) yield { event: event || 'message', data: data.join('\n') };
}

async function* readLines(chunks: AsyncIterable<Uint8Array>, maxLength: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let afterReturn = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === '') continue;
    // The second half of a CRLF that was split.
    if (afterReturn && text.startsWith('\n')) text = text.slice(1);
    afterReturn = text === '' ? false : text.endsWith('\r');
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > maxLength) throw nonsense('has a line that is too long');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
