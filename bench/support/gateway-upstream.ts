/** The instant upstream, a process of its own: reads the whole body and answers at once, as OpenAI's route would. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answerOf = (text: string) => Buffer.from(JSON.stringify({ text, usage: { type: 'duration', seconds: 3 } }));
const answer = answerOf('Two tickets to the coast, please.');
/** A quarter of an hour is not answered with one sentence: gateways that judge answers would rightly listen themselves. */
const longAnswer = answerOf(Array.from({ length: 2000 }, (_, index) => wordOf(index)).join(' '));
const longBytes = 10_000_000;

const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (request, response) => {
  let received = 0;
  request.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  request.on('end', () => {
    const body = received < longBytes ? answer : longAnswer;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));

/** A word of its own for every number. */
function wordOf(index: number): string {
  const syllables = ['ba', 'ne', 'ri', 'to', 'lu', 'sa', 'me', 'ki', 'do', 'vu'];
  return [...String(index)].map((digit) => syllables[Number(digit)]).join('');
}
