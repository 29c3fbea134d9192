import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import { proxyFromNode } from '../../src/model/proxy';
import type { Endpoint } from '../../src/model/service';
import type { GoldenProxy, XdsJson } from '../golden/load';
import { loadScenario, scenarioNames } from '../golden/load';

/** The registry against a real istiod: its endpoints, its order of services, its inbound ports. */
const names = scenarioNames();
const golden = names.length > 0 ? describe.each(names) : describe.skip.each(['not run: ../shared/data/istiod-golden is absent']);

golden('%s', (name) => {
  const scenario = loadScenario(name);
  if (scenario === undefined) return test('not run: no data', () => undefined);
  const model = buildModel(scenario.resources, { meshConfig: scenario.meshConfig });
  // A PeerAuthentication may turn mutual TLS off for endpoints that could speak it; that is for the compiler to apply.
  const tlsDecided = !scenario.resources.some(({ kind }) => kind === 'PeerAuthentication');
  const comparable = (endpoints: readonly Sent[]): string[] => endpoints.map(endpoint => describeEndpoint(endpoint, tlsDecided)).sort();

  test.each(scenario.proxies.map(proxy => [proxy.name, proxy] as const))('%s is sent the endpoints of the registry', (_name, proxy) => {
    for (const assignment of proxy.expected.eds) {
      const [, port, subset, host] = String(assignment.clusterName).split('|');
      if (subset !== '' || host === undefined) continue;
      const known = registered(model, host, Number(port));
      expect({ host, port, endpoints: comparable(sent(assignment)) }).toEqual({ host, port, endpoints: comparable(known) });
    }
  });

  test.each(scenario.proxies.map(proxy => [proxy.name, proxy] as const))('%s is sent clusters in the order of the registry', (_name, proxy) => {
    const hosts = new Set(clusterHosts(proxy));
    const order = [...new Set(model.services.map(service => service.hostname))].filter(host => hosts.has(host));
    // Those exported to this namespace in particular come before the public ones; a Sidecar resource decides an order of its own.
    const reordered = scenario.resources.some(({ kind, spec, metadata }) =>
      kind === 'Sidecar' || spec.exportTo !== undefined || metadata.annotations['networking.istio.io/exportTo'] !== undefined);
    if (reordered) return;
    expect([...hosts]).toEqual(order);
  });

  test.each(scenario.proxies.map(proxy => [proxy.name, proxy] as const))('%s serves the ports of its services', (_name, proxy) => {
    if (proxy.node.id.startsWith('router') || scenario.resources.some(({ kind, spec }) => kind === 'Sidecar' && spec.ingress !== undefined)) return;
    const inbound = proxy.expected.cds.map(cluster => String(cluster.name)).filter(each => each.startsWith('inbound|')).sort();
    const targets = model.targetsOf(model.workloadOf(proxyFromNode(proxy.node, model)));
    expect([...new Set(targets.map(target => `inbound|${target.targetPort}||`))].sort()).toEqual(inbound);
  });

  return undefined;
});

function clusterHosts(proxy: GoldenProxy): string[] {
  return proxy.expected.cds.map(cluster => String(cluster.name).split('|')).filter(parts => parts[0] === 'outbound').map(parts => parts[3]);
}

type Sent = Pick<Endpoint, 'address' | 'port' | 'locality' | 'health' | 'weight' | 'tlsMode'>;

function sent(assignment: XdsJson): Sent[] {
  const localities = (assignment.endpoints ?? []) as any[];
  return localities.flatMap(({ locality, lbEndpoints }) => (lbEndpoints ?? []).map((entry: any): Sent => ({
    address: entry.endpoint.address.pipe?.path ?? entry.endpoint.address.socketAddress.address,
    port: entry.endpoint.address.socketAddress?.portValue ?? 0,
    locality: [locality?.region ?? '', locality?.zone ?? '', locality?.subZone ?? ''].join('/').replace(/\/+$/, ''),
    health: entry.healthStatus,
    weight: entry.loadBalancingWeight,
    tlsMode: entry.metadata?.filterMetadata?.['envoy.transport_socket_match']?.tlsMode === 'istio' ? 'istio' : 'disabled',
  })));
}

function registered(model: Model, host: string, port: number): readonly Sent[] {
  const service = model.servicesByHost.get(host)?.find(each => each.ports.some(({ number }) => number === port));
  const named = service?.ports.find(({ number }) => number === port);
  if (service === undefined || named === undefined) throw new Error(`the registry has no ${host}:${port}`);
  return model.endpointsOf(service, named.name).map(endpoint => ({ ...endpoint, address: endpoint.address.replace(/^unix:\/\//, '') }));
}

function describeEndpoint({ address, port, locality, health, weight, tlsMode }: Sent, tlsDecided: boolean): string {
  return `${address}:${port} in ${locality} ${health ?? ''} weight ${weight} ${tlsDecided ? tlsMode : ''}`;
}
