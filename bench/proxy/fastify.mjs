// The same routes on @fastify/http-proxy. Runs in the folder where the bench installed it: node fastify.mjs PORT V1 V2 V3
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const [port, v1, v2, v3] = process.argv.slice(2).map(Number);
const to = upstream => `http://127.0.0.1:${upstream}`;

const server = require('fastify')();
server.register(require('@fastify/http-proxy'), {
  upstream: '',
  undici: { connections: 128, pipelining: 1 },
  replyOptions: {
    getUpstream: request => to(request.headers['end-user'] === 'jason' ? v2 : Math.random() < 0.75 ? v1 : v3),
    timeout: 10_000,
    retriesCount: 2,
  },
});
await server.listen({ port, host: '127.0.0.1' });
