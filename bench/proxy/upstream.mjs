// A small fast server on each port given: counts requests by their ends and answers each with 13 bytes.
import { createServer } from 'node:net';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, world!';

for (const port of process.argv.slice(2)) {
  createServer({ noDelay: true }, socket => {
    let rest = '';
    socket.on('data', chunk => {
      const parts = (rest + chunk.toString('latin1')).split('\r\n\r\n');
      rest = parts.pop();
      if (parts.length > 0) socket.write(ANSWER.repeat(parts.length), 'latin1');
    });
    socket.on('error', () => undefined);
  }).listen(Number(port), '127.0.0.1');
}
