import { create } from '@bufbuild/protobuf';
import { chainMessage, HTTP_INSPECTOR, TLS_INSPECTOR } from './chains';
import type { Chain } from './chains';
import { exactBalance } from './exact-balance';
import { httpConnectionManager } from './hcm';
import { inboundChains, inspectionOf } from './inbound-chains';
import { tcpFilters, tcpTo } from './tcp';
import { textOf } from '../../model/json';
import { isHttp2 } from '../../model/ports';
import type { Protocol } from '../../model/service';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { FilterChainSchema, ListenerFilterChainMatchPredicateSchema, ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter, ListenerFilter, ListenerFilterChainMatchPredicate } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { OriginalDstSchema } from '../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb';
import { OriginalSrcSchema } from '../../xds/gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb';
import { patternName } from '../clusters/stat-name';
import { addressMessage } from '../endpoints/assignment';
import { networkExtensions } from '../extensions/filters';
import { extensionsAt, PHASES } from '../extensions/list';
import type { InboundPort } from '../inbound-ports';
import { inboundPorts } from '../inbound-ports';
import { BLACK_HOLE, INBOUND_PASSTHROUGH, inboundCluster } from '../names';
import { isGrpc } from '../protocols';
import { inboundRoutes } from '../routes/inbound';
import { listenerAccessLogs } from '../telemetry/access-log';
import { tcpMetadataExchange } from '../telemetry/peer-metadata';
import type { View } from '../view';

/** Listener for all that is captured on its way to the application (istio-behaviour E1). */
export function virtualInbound(view: View): Listener {
  const { model } = view.mesh;
  const own = model.config.proxyInboundListenPort;
  const tproxy = view.proxy.metadata.INTERCEPTION_MODE === 'TPROXY';
  const ports = inboundPorts(view).filter(({ ingress }) => ingress?.captureNone !== true);
  const modeOf = (port: number) => view.mesh.peerAuthentications.ofWorkload(view.proxy.namespace, view.proxy.labels, port);
  const uncovered = view.mesh.peerAuthentications.portsOf(view.proxy.namespace, view.proxy.labels)
    .filter(port => !ports.some(({ targetPort }) => targetPort === port));
  const workloadMode = view.mesh.peerAuthentications.ofWorkload(view.proxy.namespace, view.proxy.labels);

  const inspections = [
    { port: own, tls: false, http: false },
    ...ports.map(({ targetPort, protocol }) => ({ port: targetPort, ...inspectionOf(protocol, modeOf(targetPort)) })),
    ...uncovered.map(port => ({ port, ...inspectionOf('Auto', modeOf(port)) })),
  ];
  const rest = inspectionOf('Auto', workloadMode);
  return create(ListenerSchema, {
    name: 'virtualInbound',
    address: addressMessage('0.0.0.0', own),
    transparent: tproxy ? true : undefined,
    filterChains: [
      create(FilterChainSchema, {
        name: 'virtualInbound-blackhole', filterChainMatch: { destinationPort: own }, filters: tcpTo(view, 'inbound', BLACK_HOLE, { silent: true, unguarded: true }),
      }),
      ...[
        ...passthroughChains(view, workloadMode, undefined),
        ...uncovered.flatMap(port => passthroughChains(view, modeOf(port), port)),
        ...ports.flatMap(port => portChains(view, port, '0.0.0.0')),
      ].map(chainMessage),
    ],
    listenerFilters: [
      create(ListenerFilterSchema, {
        name: 'envoy.filters.listener.original_dst', configType: { case: 'typedConfig', value: pack(OriginalDstSchema) },
      }),
      ...(tproxy ? [create(ListenerFilterSchema, {
        name: 'envoy.filters.listener.original_src', configType: { case: 'typedConfig', value: pack(OriginalSrcSchema, { mark: 1337 }) },
      })] : []),
      ...inspectors(inspections, rest),
    ],
    listenerFiltersTimeout: duration(model.config.protocolDetectionTimeoutMs),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.INBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
    connectionBalanceConfig: exactBalance(view, 'INBOUND_LISTENER_EXACT_BALANCE'),
    accessLog: listenerAccessLogs(view, 'SERVER'),
  });
}

/** Ports whose Sidecar resource captures nothing: each is a listener that really binds. */
export function boundInbound(view: View): Listener[] {
  return inboundPorts(view).filter(({ ingress }) => ingress?.captureNone === true).map((port) => {
    const bind = port.ingress?.bind ?? '0.0.0.0';
    return ownListener(view, port, bind, `${bind}_${port.targetPort}`, port.targetPort, { maxConnectionsToAcceptPerSocketEvent: 1 });
  });
}

/** Explicit capture: a listener of its own for each target port, with the same chains. */
export function explicitInbound(view: View): Listener[] {
  const { explicit } = view;
  if (explicit === undefined) return [];
  return inboundPorts(view).map((port) => {
    const bind = explicit.podAddress;
    return ownListener(view, port, bind, `${bind}_${port.targetPort}`, explicit.inboundPort(port.targetPort), { enableReusePort: false });
  });
}

/** A listener for one target port, bound where it says. */
function ownListener(
  view: View, port: InboundPort, bind: string, name: string, bound: number,
  more: { readonly maxConnectionsToAcceptPerSocketEvent?: number; readonly enableReusePort?: boolean },
): Listener {
  const { mesh } = view;
  const mode = mesh.peerAuthentications.ofWorkload(view.proxy.namespace, view.proxy.labels, port.targetPort);
  const inspection = inspectionOf(port.protocol, mode);
  return create(ListenerSchema, {
    ...more,
    name,
    address: addressMessage(bind, bound),
    // Where nothing is captured the address has decided already, and may be of another port.
    filterChains: portChains(view, port, bind)
      .map(chain => chainMessage(view.explicit === undefined ? chain : { ...chain, destinationPort: undefined })),
    listenerFilters: view.explicit === undefined ? inspectors([{ port: port.targetPort, ...inspection }])
      : [...(inspection.tls ? [TLS_INSPECTOR()] : []), ...(inspection.http ? [HTTP_INSPECTOR()] : [])],
    listenerFiltersTimeout: duration(mesh.model.config.protocolDetectionTimeoutMs),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.INBOUND,
    connectionBalanceConfig: exactBalance(view, 'INBOUND_LISTENER_EXACT_BALANCE'),
    accessLog: listenerAccessLogs(view, 'SERVER'),
  });
}

function portChains(view: View, port: InboundPort, bind: string): Chain[] {
  const cluster = inboundCluster(port.targetPort);
  const name = `${port.ingress?.bind ?? bind}_${port.targetPort}`;
  return inboundChains(view, {
    protocol: port.protocol,
    mode: view.mesh.peerAuthentications.ofWorkload(view.proxy.namespace, view.proxy.labels, port.targetPort),
    httpName: name,
    tcpName: name,
    destinationPort: port.targetPort,
    config: port.ingress?.configPath,
    http: () => httpInbound(view, `inbound_${name};`, port.targetPort, inboundRoutes({
      cluster, port: port.servicePort, hostname: port.hostname, retries: !isGrpc(port.protocol), mesh: view.mesh,
    }), port.protocol),
    tcp: () => tcpFilters(view, {
      direction: 'inbound', statPrefix: byteStatName(view, port, cluster), clusters: [{ name: cluster, weight: 0 }], protocol: port.protocol, port: port.servicePort,
    }),
  });
}

/** Chains for ports that no service has: Istio lets them through to the application. */
function passthroughChains(view: View, mode: ReturnType<View['mesh']['peerAuthentications']['ofWorkload']>, destinationPort: number | undefined): Chain[] {
  return inboundChains(view, {
    protocol: 'Auto',
    mode,
    httpName: 'virtualInbound-catchall-http',
    tcpName: 'virtualInbound',
    destinationPort,
    http: () => httpInbound(view, `${INBOUND_PASSTHROUGH};`, destinationPort ?? 0, inboundRoutes({
      cluster: INBOUND_PASSTHROUGH, port: 0, hostname: '', retries: true, mesh: view.mesh,
    }), 'Auto'),
    tcp: () => tcpFilters(view, {
      direction: 'inbound', statPrefix: byteStatName(view, undefined, INBOUND_PASSTHROUGH), clusters: [{ name: INBOUND_PASSTHROUGH, weight: 0 }], port: 0,
    }),
  });
}

/** Connections count under their cluster's name, or what the mesh's pattern makes of the first service; a pattern knows no target port here. */
function byteStatName({ mesh }: View, port: InboundPort | undefined, cluster: string): string {
  const pattern = textOf(mesh.model.config.raw.inboundClusterStatName) ?? '';
  if (pattern === '') return cluster;
  const { hostname = '', portName = 'virtualInbound', servicePort = 0 } = port ?? {};
  const service = port?.ingress === undefined ? port?.services[0] : undefined;
  return patternName(pattern, { hostname, name: '', namespace: '', registry: '', ...service }, { name: portName, number: servicePort });
}

function httpInbound(view: View, statPrefix: string, port: number, routes: ReturnType<typeof inboundRoutes>, protocol: Protocol): Filter[] {
  return [
    ...(view.dialect.metadataExchange ? [tcpMetadataExchange] : []),
    ...networkExtensions(extensionsAt(view, 'NETWORK', 'inbound', port), ...PHASES),
    httpConnectionManager(view, {
      direction: 'inbound', statPrefix, routes, port, grpcWeb: protocol === 'GRPC-Web', http2: isHttp2(protocol),
    }),
  ];
}

interface Inspection { readonly port: number; readonly tls: boolean; readonly http: boolean }

/**
 * Inspectors, for the ports whose chains ask. Without any port that asks there is none.
 * @param rest - what chains of any other port ask; undefined where a listener has none
 */
function inspectors(ports: readonly Inspection[], rest?: Omit<Inspection, 'port'>): ListenerFilter[] {
  const asking = (kind: 'tls' | 'http', yes: boolean): number[] => ports.filter(port => port[kind] === yes).map(({ port }) => port).sort((a, b) => a - b);
  const filters: ListenerFilter[] = [];
  if (rest?.tls === true) {
    filters.push(create(ListenerFilterSchema, { ...TLS_INSPECTOR(), filterDisabled: anyPort(asking('tls', false)) }));
  } else if (asking('tls', true).length > 0) {
    const rule = anyPort(asking('tls', true))!;
    const others = create(ListenerFilterChainMatchPredicateSchema, { rule: { case: 'notMatch', value: rule } });
    filters.push(create(ListenerFilterSchema, { ...TLS_INSPECTOR(), filterDisabled: others }));
  }
  if (rest?.http === true || asking('http', true).length > 0) {
    // To Istio the chains of any port are those of port 0.
    const off = [...(rest?.http === false ? [0] : []), ...asking('http', false)];
    filters.push(create(ListenerFilterSchema, { ...HTTP_INSPECTOR(), filterDisabled: anyPort(off) }));
  }
  return filters;
}

function anyPort(ports: readonly number[]): ListenerFilterChainMatchPredicate | undefined {
  const rules = ports.map(start => create(ListenerFilterChainMatchPredicateSchema, { rule: { case: 'destinationPortRange', value: { start, end: start + 1 } } }));
  if (rules.length <= 1) return rules[0];
  return create(ListenerFilterChainMatchPredicateSchema, { rule: { case: 'orMatch', value: { rules } } });
}
