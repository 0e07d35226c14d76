/**
 * The callers, a process of their own: a number of connections that send forms without a pause, or at a given rate, and
 * read the answers. Written on bare sockets, so that it costs little beside what it measures.
 */
import { connect, type Socket } from 'node:net';

/** What the bench says to this process. */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fileBytes: number;
  readonly clients: number;
  readonly requests: number;
  /** Requests a second over all clients, each measured from when it was due; null: as fast as they are answered. */
  readonly ratePerSecond: number | null;
}

/** What this process answers. */
export interface LoadReport {
  readonly latenciesMs: readonly number[];
  readonly seconds: number;
  /** The first answer that was no 200, null when there was none. */
  readonly failure: string | null;
}

const boundary = 'bench-gateway-5e1f0c7a9b3d';

process.on('message', (order: LoadOrder) => {
  void run(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: 0 });

async function run(order: LoadOrder): Promise<LoadReport> {
  // Clients write the model before the file as often as after it.
  const wires = [true, false].map((modelFirst) => wireOf(order, modelFirst));
  const latenciesMs: number[] = [];
  let failure: string | null = null;
  let begun = 0;
  const startedAt = performance.now();
  const client = async () => {
    const caller = new Caller(order.port);
    for (;;) {
      const turn = begun++;
      if (turn >= order.requests || failure !== null) break;
      let dueAt = performance.now();
      if (order.ratePerSecond !== null) {
        dueAt = startedAt + (turn / order.ratePerSecond) * 1000;
        const waitMs = dueAt - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        // Timers are coarse: only a lateness of our own making counts against the gateway.
        if (waitMs > 0) dueAt = performance.now();
      }
      const answer = await caller.send(wires[turn % 2]!);
      latenciesMs.push(performance.now() - dueAt);
      if (!answer.startsWith('HTTP/1.1 200')) failure ??= answer.slice(0, 600);
    }
    caller.close();
  };
  await Promise.all(Array.from({ length: order.clients }, client));
  return { latenciesMs, seconds: (performance.now() - startedAt) / 1000, failure };
}

/** One connection, kept open; a broken one is answered for with a text that is no HTTP. */
class Caller {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #resolve: ((answer: string) => void) | null = null;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      if (!isComplete(this.#received)) return;
      const answer = this.#received.toString('latin1');
      this.#received = Buffer.alloc(0);
      this.#resolve?.(answer);
    });
    this.#socket.on('error', (error) => this.#resolve?.(`broken: ${error.message}`));
    this.#socket.on('close', () => this.#resolve?.(`closed: ${this.#received.toString('latin1')}`));
  }

  send(wire: Buffer): Promise<string> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(wire);
    });
  }

  close(): void {
    this.#resolve = null;
    this.#socket.destroy();
  }
}

function isComplete(received: Buffer): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = received.toString('latin1', 0, end).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) return received.length >= end + 4 + Number(length);
  return received.subarray(-5).toString('latin1') === '0\r\n\r\n';
}

function wireOf({ port, path, headers, fileBytes }: LoadOrder, modelFirst: boolean): Buffer {
  const model = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${headers['x-bench-model'] ?? 'whisper-1'}\r\n`,
  );
  const file = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="clip.wav"\r\n` +
        'Content-Type: audio/wav\r\n\r\n',
    ),
    noiseWav(fileBytes),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...(modelFirst ? [model, file] : [file, model]), Buffer.from(`--${boundary}--\r\n`)]);
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    `content-type: multipart/form-data; boundary=${boundary}`,
    `content-length: ${body.length}`,
    ...Object.entries(headers)
      .filter(([name]) => !name.startsWith('x-bench-'))
      .map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

/** 16 kHz, mono, 16 bits: noise, in which a boundary search meets every byte. */
function noiseWav(sizeBytes: number): Buffer {
  const wav = Buffer.alloc(sizeBytes - (sizeBytes % 2));
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(32_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(wav.length - 44, 40);
  let state = 0x2545f491;
  for (let at = 44; at + 4 <= wav.length; at += 4) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    wav.writeInt32LE(state | 0, at);
  }
  return wav;
}
