import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Browsers and load balancers open connections ahead of need. Node does not count one as idle before its first request,
 * so a graceful stop would wait for it as for work in progress. The result ends those on which nothing was ever sent.
 */
export function watchSilentConnections(server: Server): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
