import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const ARRIVAL_MS = 1000;

/**
 * Browsers and load balancers open connections ahead of need. Node does not count one as idle before its first request,
 * so a graceful stop would wait for it as for work in progress. The result ends those on which nothing was ever sent; what
 * is on its way at that moment still has a second to arrive, and is then a request like any other.
 */
export function watchSilentConnections(server: Server): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return () => {
    setTimeout(() => {
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    }, ARRIVAL_MS).unref();
  };
}
