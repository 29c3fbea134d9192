// What the four services share: a server that answers routes, and a call to another service of the mesh.
import http from 'node:http';
import { pathToFileURL } from 'node:url';

/** Every service of Bookinfo listens on this port inside the mesh; `Host: reviews:9080` names one. */
const MESH_PORT = 9080;

/**
 * Headers that belong to the request as a whole and travel with each onward call. The mesh routes by `end-user` and joins
 * traces by the others; it cannot tell which onward call belongs to which request, so the application has to pass them on.
 */
const TRAVELLING = [
  'end-user', 'x-request-id', 'traceparent', 'tracestate', 'b3',
  'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags',
];

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

/** The request's travelling headers, for the calls made on its behalf. */
export function travelling(request) {
  return Object.fromEntries(TRAVELLING.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])));
}

/**
 * GET `path` of another service, as parsed JSON. The address comes from NAME_SERVICE_HOST and _PORT (Kubernetes sets them, and
 * so does `cdk8s-mesh up`, to the sidecar's own address); the Host header names the service, and that is what the mesh routes by.
 * Throws where no 200 with JSON arrives within `timeoutMs`.
 */
export async function get(service, path, { headers = {}, timeoutMs }) {
  const variable = `${service.toUpperCase().replaceAll('-', '_')}_SERVICE`;
  const options = {
    agent, path, headers: { ...headers, host: `${service}:${MESH_PORT}`, accept: 'application/json' },
    host: process.env[`${variable}_HOST`] ?? service, port: Number(process.env[`${variable}_PORT`] ?? MESH_PORT),
  };
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await exchange(options, signal);
  } catch (error) {
    if (signal.aborted) throw new Error(`${service} did not answer within ${timeoutMs / 1000} s`, { cause: error });
    throw new Error(`${service}: ${error.message}`, { cause: error });
  }
}

async function exchange(options, signal) {
  for (;;) {
    const request = http.get({ ...options, signal });
    try {
      const response = await new Promise((resolve, reject) => { request.once('response', resolve).once('error', reject); });
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
      return JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch (error) {
      // A kept-alive connection can be closed by the other side just as it is used again. The request was not seen: once more.
      if (!(request.reusedSocket && error.code === 'ECONNRESET')) throw error;
    }
  }
}

/** Answers with JSON. */
export function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(value)}\n`);
}

/**
 * A server for `routes`: `[method, pattern, (request, response, match, url) => …]`, the first match wins; HEAD is answered as GET.
 * Every service also answers GET /health. A route that throws gives 500 and one line on stderr.
 */
export function createService(name, routes) {
  const all = [...routes, ['GET', /^\/health$/, (_request, response) => json(response, 200, { status: 'ok', service: name })]];
  // The default closes an idle connection after 5 s, and a proxy that just sends a request on it gets a reset (503 UC).
  return http.createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const url = new URL(request.url, 'http://service');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const here = all.filter(([, pattern]) => pattern.test(url.pathname));
    const route = here.find(([allowed]) => allowed === method);
    try {
      if (route) await route[2](request, response, route[1].exec(url.pathname), url);
      else json(response, here.length > 0 ? 405 : 404, { error: `${name} has no ${request.method} ${url.pathname}` });
    } catch (error) {
      console.error(`${name}: ${request.method} ${url.pathname}: ${error.message}`);
      if (!response.headersSent) json(response, 500, { error: error.message });
      else response.destroy();
    }
  });
}

/** Which version this process is: `--service-version v2`, or SERVICE_VERSION. */
export function serviceVersion() {
  const at = process.argv.indexOf('--service-version');
  return (at > 0 ? process.argv[at + 1] : undefined) ?? process.env.SERVICE_VERSION ?? 'v1';
}

/** Name of the Pod where the environment tells it. */
export const podName = () => process.env.POD_NAME ?? (process.env.KUBERNETES_SERVICE_HOST && process.env.HOSTNAME);

/** Listens on HOST and PORT if this module is the program, and ends cleanly on SIGTERM and Ctrl-C. */
export function listenIfMain(moduleUrl, server, name) {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return;
  const host = process.env.HOST ?? '0.0.0.0';
  const port = Number(process.env.PORT ?? MESH_PORT);
  server.listen(port, host, () => {
    if (port === 0 || process.env.PORT === undefined) console.log(`${name} listens on ${host}:${server.address().port}`); // else the caller knows
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close();
      server.closeIdleConnections();
      setTimeout(() => process.exit(0), 1000).unref();
      agent.destroy();
    });
  }
}
