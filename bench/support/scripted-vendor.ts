import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An accurate vendor on loopback that speaks OpenAI's shape: it reads the upload whole and answers what it was told to. */
export interface ScriptedVendor {
  /** With `/v1`, as `OPENAI_BASE_URL` has it. */
  readonly baseUrl: string;
  /** Requests so far. */
  readonly calls: number;
  /** What the next requests are answered. */
  say(text: string): void;
  close(): Promise<void>;
}

export async function startScriptedVendor(): Promise<ScriptedVendor> {
  let answer = '';
  let calls = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      calls++;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ text: answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    get calls() {
      return calls;
    },
    say(text) {
      answer = text;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
