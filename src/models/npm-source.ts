import type { Options } from 'pacote';
import { type ByteSource, readRange, reasonOf, TransferError } from './byte-source.ts';

declare module 'pacote' {
  /** Left out of the published types: puts the configured registry in place of the public one in a tarball's address. */
  class RemoteFetcher {
    constructor(address: string, options: Options);
    readonly resolved: string;
  }
}

/** Gives npm's settings; asked when a package is fetched. */
export type NpmSettings = () => Promise<Options>;

/**
 * The tarball of an exact package version (`name@1.2.3`), found through pacote so that registries, scopes and
 * credentials work as they do for npm, and read through npm's own client so that a broken transfer can be resumed,
 * which pacote cannot do.
 */
export function npmTarballSource(packageSpec: string, settings: NpmSettings): ByteSource {
  // Takes a second where the machine is busy, and few processes fetch anything from a registry.
  const load = () => Promise.all([import('pacote'), import('npm-registry-fetch'), settings()]);
  let loading: ReturnType<typeof load> | null = null;
  const loaded = () => {
    loading ??= load();
    return loading;
  };
  return {
    label: `npm package ${packageSpec}`,
    async prepare() {
      await loaded();
    },
    async open(offset, signal) {
      const [{ default: pacote }, { default: npmFetch }, configured] = await loaded();
      const stopper = new AbortController();
      try {
        // Retries and resuming are `transfer`'s; npm's own pauses are longer than its idle limit.
        const options = { ...configured, preferOnline: true, retry: { retries: 0 } };
        const { resolved } = new pacote.RemoteFetcher(await pacote.resolve(packageSpec, options), options);
        const response = await npmFetch(resolved, {
          ...options,
          // Our part file is the cache.
          ...{ cache: undefined, signal: AbortSignal.any([signal, stopper.signal]) },
          headers: { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
        });
        if (!response.body) throw new TransferError('the registry sent an empty answer', true);
        const { body } = response;
        // The reader learns of a failure by reading; the socket's close reports it once more, and an error event that
        // nobody hears ends the process.
        body.on('error', () => {});
        const headers = Object.fromEntries(response.headers);
        return {
          ...readRange(response.status, headers, offset),
          // A published version never changes.
          version: packageSpec,
          sha256: null,
          body: bytesOf(body),
          stop: () => stopper.abort(),
        };
      } catch (thrown) {
        throw asTransferError(thrown);
      }
    },
  };
}

async function* bytesOf(body: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** A registry's refusal is final; anything that never became an answer may pass. */
function asTransferError(thrown: unknown): TransferError {
  if (thrown instanceof TransferError) return thrown;
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : null;
  if (status === null) return new TransferError(reasonOf(thrown), true, thrown);
  if (status === 416) return new TransferError('HTTP 416', true, thrown);
  return new TransferError(
    `HTTP ${status} from the registry`,
    status === 408 || status === 429 || status >= 500,
    thrown,
  );
}
