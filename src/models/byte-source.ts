import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';

/** Bytes from some offset to the end of a file elsewhere. */
export interface ByteStream {
  /** Where the bytes start: the offset asked for, or 0 when the other side can only start over. */
  readonly offset: number;
  /** Size of the whole file, null when the other side did not say. */
  readonly totalBytes: number | null;
  /** Tells one version of the file from another (an ETag, a time); null: the other side does not say. */
  readonly version: string | null;
  /** What the other side says the whole file's SHA-256 is, in lower-case hex; null: it does not say. */
  readonly sha256: string | null;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the transfer at once. */
  stop(): void;
}

/** One place where a file can be had. */
export interface ByteSource {
  /** For people: `npm package x@1.2.3`, an address, a path. */
  readonly label: string;
  /** Loads what `open` needs on this machine, before the other side's time runs. */
  prepare?(): Promise<void>;
  /** Rejects with TransferError. */
  open(offset: number, signal: AbortSignal): Promise<ByteStream>;
}

/** Why bytes did not arrive, in words for an operator. */
export class TransferError extends Error {
  /** Whether the same request may succeed in a moment. */
  readonly retryable: boolean;

  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TransferError';
    this.retryable = retryable;
  }
}

/** A file of a mirror folder. */
export function fileSource(path: string): ByteSource {
  return {
    label: path,
    async open(offset) {
      const { size, mtimeMs } = await stat(path).catch((thrown: unknown) => {
        throw new TransferError(hasCode(thrown, 'ENOENT') ? 'there is no such file' : reasonOf(thrown), false, thrown);
      });
      const start = offset <= size ? offset : 0;
      const body = createReadStream(path, { start });
      const version = `${size} ${mtimeMs}`;
      return { offset: start, totalBytes: size, version, sha256: null, body, stop: () => void body.destroy() };
    },
  };
}

/**
 * A file behind an http(s) address that the operator or the catalogue names; no caller of the API can choose it.
 * Proxies (`HTTPS_PROXY`, `NO_PROXY`) and extra authorities (`NODE_EXTRA_CA_CERTS`) of the environment hold.
 */
export function httpSource(url: string): ByteSource {
  return {
    label: url,
    async open(offset, signal) {
      const dispatcher = new EnvHttpProxyAgent();
      const stop = () => void dispatcher.destroy();
      try {
        const { response, sha256 } = await requestFollowing(url, offset, signal, dispatcher);
        const { statusCode, headers, body } = response;
        return { ...readRange(statusCode, headers, offset), version: versionOf(headers), sha256, body, stop };
      } catch (thrown) {
        stop();
        throw thrown;
      }
    },
  };
}

/** Model hubs answer with a redirect to their storage; more than a few hops is a loop. */
const maxRedirects = 5;

async function requestFollowing(
  url: string,
  offset: number,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<{ response: Dispatcher.ResponseData; sha256: string | null }> {
  let address = url;
  let sha256: string | null = null;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await request(address, {
      dispatcher,
      signal,
      headers: { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
    }).catch((thrown: unknown) => {
      throw new TransferError(reasonOf(thrown), true, thrown);
    });
    // Hugging Face names the SHA-256 of a large file in the answer that redirects to its storage.
    const linked = /^"?([0-9a-f]{64})"?$/.exec(String(response.headers['x-linked-etag'] ?? ''));
    sha256 = linked?.[1] ?? sha256;
    const location = response.headers.location;
    if (response.statusCode < 300 || response.statusCode > 399 || typeof location !== 'string') {
      return { response, sha256 };
    }
    await response.body.dump();
    const next = new URL(location, address);
    if (address.startsWith('https:') && next.protocol !== 'https:') {
      throw new TransferError(`it redirects from https to ${next.protocol}`, false);
    }
    address = next.href;
  }
  throw new TransferError(`it redirects more than ${maxRedirects} times`, false);
}

function versionOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const version = headers.etag ?? headers['last-modified'];
  return typeof version === 'string' ? version : null;
}

/** What an answer to a request with `Range: bytes=OFFSET-` delivers. Throws TransferError unless it is 200 or the right 206. */
export function readRange(
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  offset: number,
): { offset: number; totalBytes: number | null } {
  if (status === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'] ?? ''));
    if (!match || Number(match[1]) !== offset) {
      throw new TransferError('it answered another range than the one asked for', false);
    }
    return { offset, totalBytes: match[2] === '*' ? null : Number(match[2]) };
  }
  if (status === 200) {
    const length = headers['content-length'];
    return { offset: 0, totalBytes: length === undefined ? null : Number(length) };
  }
  throw new TransferError(`HTTP ${status}`, status === 408 || status === 429 || status >= 500 || status === 416);
}

/** Whether a system error carries this code. */
export function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

/** A failure in one line: an aborted transfer's reason, a system error's message, or the cause behind a vague one. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown.cause instanceof Error && thrown.message === 'fetch failed' ? thrown.cause : thrown;
  return (inner.message || inner.name).split('\n')[0]!;
}
