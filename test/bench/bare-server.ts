/** A bare Node server as a measure: any POST is answered with the bytes of a file; POST /wait waits until somebody posts /go. Run as a program. */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';

const body = readFileSync(process.argv[2] ?? '');
const waiting: ServerResponse[] = [];
const answer = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/xml', 'content-length': body.length }).end(body);
};

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    if (request.url === '/wait') waiting.push(response);
    else if (request.url === '/go') {
      for (const one of waiting.splice(0)) answer(one);
      response.end('gone');
    } else answer(response);
  });
});
server.listen(0, '127.0.0.1', () => {
  const at = server.address();
  process.stdout.write(`${typeof at === 'object' && at !== null ? at.port : 0}\n`);
});
