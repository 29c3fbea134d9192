import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import type { Listener } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { HttpConnectionManagerSchema } from '../../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

/** Where a gateway answers on this machine. */
export interface GatewayUrl {
  /** `istio-ingressgateway.istio-system`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Port that the Gateway names; where there is one loopback address for all, or no privilege, it listens on another. */
  readonly listens: number;
  /** `http://127.9.0.1:8080`. */
  readonly url: string;
  /** Path worth opening first. */
  readonly page?: string;
  /** Value of the Host header that the page's rule asks for, where it is not any. */
  readonly host?: string;
}

/** Addresses a compiled proxy listens on. */
export function socketsOf(listeners: readonly Listener[]): { address: string; port: number }[] {
  return listeners.flatMap((listener) => {
    const address = listener.address?.address;
    if (address?.case !== 'socketAddress' || address.value.portSpecifier.case !== 'portValue') return [];
    return [{ address: address.value.address, port: address.value.portSpecifier.value }];
  });
}

/** URLs of a gateway's listeners that speak HTTP or HTTPS, by port. */
export function gatewayUrls(name: string, compiled: CompiledProxy): GatewayUrl[] {
  return compiled.listeners.flatMap((listener) => {
    const [socket] = socketsOf([listener]);
    if (socket === undefined) return [];
    const secure = listener.filterChains.some(chain => chain.transportSocket !== undefined);
    const named = routesOf(listener);
    if (named.size === 0) return [];
    const routes = compiled.routes.filter(route => named.has(route.name));
    const listens = Number(/_(\d+)$/.exec(listener.name)?.[1] ?? socket.port);
    return [{ name, ...socket, listens, url: `${secure ? 'https' : 'http'}://${socket.address}:${socket.port}`, ...firstPage(routes) }];
  }).sort((a, b) => a.port - b.port);
}

/** Names of the route configurations that a listener asks for; none where it speaks no HTTP. */
function routesOf(listener: Listener): Set<string> {
  const managers = listener.filterChains.flatMap(chain => chain.filters).flatMap(({ configType }) => (
    configType.case === 'typedConfig' ? anyUnpack(configType.value, HttpConnectionManagerSchema) ?? [] : []));
  return new Set(managers.flatMap(({ routeSpecifier }) => (routeSpecifier.case === 'rds' ? [routeSpecifier.value.routeConfigName] : [])));
}

/** The first exact path of any route, else the first prefix: what a person would open. */
function firstPage(routes: readonly RouteConfiguration[]): { page?: string; host?: string } {
  let prefix: { page: string; host?: string } | undefined;
  for (const host of routes.flatMap(route => route.virtualHosts)) {
    const [domain] = host.domains;
    const named = domain === '*' ? {} : { host: domain.replace(/^\*/, 'any') };
    for (const { match } of host.routes) {
      if (match?.pathSpecifier.case === 'path') return { page: match.pathSpecifier.value, ...named };
      if (match?.pathSpecifier.case === 'prefix') prefix ??= { page: match.pathSpecifier.value, ...named };
    }
  }
  return prefix ?? {};
}

/** Passes connections to a port of 127.0.0.1 on to a gateway. */
export async function forward(port: number, to: { address: string; port: number }): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const onward = connect({ host: to.address, port: to.port });
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on('error', () => undefined);
      each.on('close', () => {
        sockets.delete(each);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}
