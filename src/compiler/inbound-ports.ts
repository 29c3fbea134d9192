import type { ConnectionPool, PolicyBlocks } from './istio-api';
import type { View } from './view';
import { parseProtocol } from '../model/ports';
import type { Protocol, Service } from '../model/service';
import type { DestinationRule } from './scope/destination-rules';
import { meshPolicy, policyFor } from './scope/traffic-policy';

/** One port of the application, as the services in front of it, or a Sidecar resource, describe it. */
export interface InboundPort {
  readonly targetPort: number;
  readonly protocol: Protocol;
  /** Number of the service port that decides. */
  readonly servicePort: number;
  readonly portName: string;
  /** Host that spans are named after. */
  readonly hostname: string;
  /** All services whose port of that number leads here. */
  readonly services: readonly Service[];
  readonly pool?: ConnectionPool;
  readonly retryBudget?: PolicyBlocks['retryBudget'];
  /** The rule whose policy applies to the cluster. */
  readonly rule?: DestinationRule;
  /** From `ingress` of a Sidecar resource. */
  readonly ingress?: {
    readonly bind: string;
    readonly endpoint?: string;
    /** Callers dial the listener itself: nothing is captured. */
    readonly captureNone: boolean;
    readonly configPath: string;
  };
}

/** Target ports of the proxy: those its Sidecar resource lists, else those of its own services; ascending (istio-behaviour A3, E1). */
export function inboundPorts(view: View): readonly InboundPort[] {
  const ports = view.scope.sidecar?.spec.ingress?.length ? ingressPorts(view) : servicePorts(view);
  return [...ports].sort((a, b) => a.targetPort - b.targetPort);
}

function servicePorts(view: View): InboundPort[] {
  const replaced = view.scope.sidecar?.spec.inboundConnectionPool;
  const found = new Map<number, InboundPort>();
  for (const { service, port, targetPort } of view.mesh.model.targetsOf(view.workload)) {
    const known = found.get(targetPort);
    if (known === undefined) {
      const { connectionPool, ...policy } = policyOf(view, service, port.number);
      found.set(targetPort, {
        targetPort,
        protocol: port.protocol,
        servicePort: port.number,
        portName: port.name,
        hostname: service.hostname,
        services: [service],
        pool: replaced ?? connectionPool,
        ...policy,
      });
    } else if (known.servicePort === port.number && !known.services.includes(service)) {
      found.set(targetPort, { ...known, services: [...known.services, service] });
    }
  }
  return [...found.values()];
}

function ingressPorts(view: View): InboundPort[] {
  const { sidecar } = view.scope;
  if (sidecar === undefined) return [];
  const targets = view.mesh.model.targetsOf(view.workload);
  return (sidecar.spec.ingress ?? []).map((ingress) => {
    const number = ingress.port?.number ?? 0;
    const own = targets.find(({ targetPort }) => targetPort === number)?.service;
    const { connectionPool, ...policy } = policyOf(view, own, number);
    return {
      targetPort: number,
      protocol: parseProtocol(ingress.port?.protocol ?? ''),
      servicePort: number,
      portName: ingress.port?.name ?? '',
      hostname: `${sidecar.name}.${sidecar.namespace}`,
      services: own === undefined ? [] : [own],
      pool: ingress.connectionPool ?? sidecar.spec.inboundConnectionPool ?? connectionPool,
      ...policy,
      ingress: {
        bind: ingress.bind ?? view.proxy.ips[0] ?? '0.0.0.0',
        endpoint: ingress.defaultEndpoint === '' ? undefined : ingress.defaultEndpoint,
        captureNone: ingress.captureMode === 'NONE' || view.proxy.metadata.INTERCEPTION_MODE === 'NONE',
        configPath: sidecar.configPath,
      },
    };
  });
}

/** What the rule of a service says of connections that arrive at one of its ports. */
function policyOf(view: View, service: Service | undefined, port: number): Pick<InboundPort, 'retryBudget' | 'rule'> & Pick<PolicyBlocks, 'connectionPool'> {
  const rule = service && view.inboundRuleOf(service);
  const { connectionPool, retryBudget } = policyFor(rule, port, '', meshPolicy(view.mesh));
  // A rule that only defines subsets changes nothing here, and Istio does not name it.
  return { connectionPool, retryBudget, rule: rule?.trafficPolicy === undefined ? undefined : rule };
}
