import type { Memo, Source } from './memo';
import type { Model } from '../model/model';
import type { NetworkGateway } from '../model/networks';
import type { Resource } from '../model/resource';
import type { Endpoint, Service, Workload } from '../model/service';
import type { Target } from '../model/targets';

/** The same model, with every look at it noted for the result that is being made (see `Memo`). */
export function trackedModel(model: Model, memo: Memo): Model {
  return {
    // Constant for a table: with another one nothing is taken over.
    config: model.config,
    domain: model.domain,
    clusterId: model.clusterId,
    of: kind => memo.see(kindSource(kind)),
    registry: model.registry,
    get services() { return memo.see(SERVICES); },
    get servicesByHost() {
      memo.see(SERVICES);
      return model.servicesByHost;
    },
    get workloads() { return memo.see(WORKLOADS); },
    get networkGateways() { return memo.see(NETWORK_GATEWAYS); },
    endpointsOf: (service, portName) => memo.see(endpointSource(service, portName)),
    targetsOf: workload => memo.see(targetSource(workload)),
    workloadOf: (proxy) => {
      memo.see(WORKLOADS);
      memo.see(kindSource('WorkloadEntry'));
      return model.workloadOf(proxy);
    },
    namespaceLabels: (namespace) => {
      memo.see(kindSource('Namespace'));
      return model.namespaceLabels(namespace);
    },
  };
}

/** Whether results of one model may be true of another one at all. */
export const sameGround = (a: Model, b: Model): boolean => a.config === b.config && a.domain === b.domain && a.clusterId === b.clusterId;

const SERVICES: Source<readonly Service[]> = { read: model => model.services, ofRegistry: true };
const WORKLOADS: Source<readonly Workload[]> = { read: model => model.workloads, ofRegistry: true };
const NETWORK_GATEWAYS: Source<readonly NetworkGateway[]> = { read: model => model.networkGateways, ofRegistry: true };

const kinds = new Map<string, Source<readonly Resource[]>>();
const endpoints = new WeakMap<Service, EndpointSource[]>();
const targets = new WeakMap<Workload, Source<readonly Target[]>>();

const kindSource = (kind: string): Source<readonly Resource[]> => once(kinds, kind, () => ({ read: model => model.of(kind) }));

/** Endpoints of one port. */
class EndpointSource implements Source<readonly Endpoint[]> {
  public readonly ofRegistry = true;

  public constructor(private readonly service: Service, public readonly portName: string) {}

  public read(model: Model): readonly Endpoint[] {
    return model.endpointsOf(this.service, this.portName);
  }
}

function endpointSource(service: Service, portName: string): Source<readonly Endpoint[]> {
  const known = endpoints.get(service);
  const found = known?.find(source => source.portName === portName);
  if (found !== undefined) return found;
  const source = new EndpointSource(service, portName);
  if (known === undefined) endpoints.set(service, [source]);
  else known.push(source);
  return source;
}

const targetSource = (workload: Workload): Source<readonly Target[]> => once(targets, workload, () => ({
  read: model => model.targetsOf(workload),
  ofRegistry: true,
  isSame: (a, b) => a.length === b.length && a.every(({ service, port, targetPort }, index) => (
    service === b[index].service && port === b[index].port && targetPort === b[index].targetPort)),
}));

function once<K, V>(table: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  let value = table.get(key);
  if (value === undefined) table.set(key, value = make());
  return value;
}
