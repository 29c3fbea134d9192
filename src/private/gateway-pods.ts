import { ApiObject, JsonPatch } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { requireInteger } from './check';
import { settledSettings } from './mesh-settings';
import { ownedMetadata } from './metadata';

/** A port of a gateway's Service. */
export interface GatewayPort {
  readonly name: string;
  /** What callers dial. */
  readonly number: number;
  /** What the proxy binds. */
  readonly target: number;
  readonly nodePort?: number;
}

/** What a gateway's own pods are made of. */
export interface GatewayPodsProps {
  readonly name: string;
  readonly namespace?: string;
  /** Labels by which Gateway, Service and Deployment find the pods. */
  readonly selector: { [name: string]: string };
  /** Further labels of the pods. */
  readonly labels?: { [name: string]: string };
  readonly ports: readonly GatewayPort[];
  readonly replicas?: number;
  readonly serviceType?: kplus.ServiceType;
  /** Whether the ports are opened on the node itself. */
  readonly hostPorts?: boolean;
  /** Whether the control plane may send it certificates of Secrets. */
  readonly secrets: boolean;
  readonly environment?: { [name: string]: string };
}

/** Deployment, Service and ServiceAccount of a gateway; Istio's injector fills in the proxy (template `gateway`). */
export function gatewayPods(owner: Construct, props: GatewayPodsProps): { deployment: kplus.Deployment; service: kplus.Service } {
  const metadata = (labels?: { [name: string]: string }) => ownedMetadata(owner, props.name, props.namespace, labels);
  const serviceAccount = new kplus.ServiceAccount(owner, 'ServiceAccount', { metadata: metadata() });
  const deployment = deploy(owner, props, serviceAccount);
  const service = new kplus.Service(owner, 'Service', { metadata: metadata(props.selector), type: props.serviceType ?? kplus.ServiceType.LOAD_BALANCER });
  Object.entries(props.selector).forEach(([key, value]) => service.selectLabel(key, value));
  for (const { number, name, target, nodePort } of props.ports) service.bind(number, { name, targetPort: target, nodePort });
  if (props.secrets) {
    const role = new kplus.Role(owner, 'Role', { metadata: metadata() });
    role.allow(['get', 'watch', 'list'], kplus.ApiResource.SECRETS);
    new kplus.RoleBinding(owner, 'RoleBinding', { metadata: metadata(), role }).addSubjects(serviceAccount);
  }
  return { deployment, service };
}

function deploy(owner: Construct, props: GatewayPodsProps, serviceAccount: kplus.ServiceAccount): kplus.Deployment {
  const { revision } = settledSettings(owner);
  const deployment = new kplus.Deployment(owner, 'Deployment', {
    metadata: ownedMetadata(owner, props.name, props.namespace, props.selector),
    podMetadata: {
      labels: { 'app': props.name, ...props.selector, ...props.labels, 'sidecar.istio.io/inject': 'true', ...revision !== undefined && { 'istio.io/rev': revision } },
      annotations: { 'inject.istio.io/templates': 'gateway' },
    },
    replicas: requireInteger(owner, 'MESH_LIMIT_INVALID', 'replicas', props.replicas ?? 1, 0, 2_147_483_647),
    serviceAccount,
    select: false,
    containers: [{
      name: 'istio-proxy',
      image: 'auto', // the injector puts the proxy of the control plane's version here
      ports: props.ports.map(({ number, target }) => (props.hostPorts === true ? { number: target, hostPort: number } : { number: target })),
      securityContext: { user: 1337, group: 1337, allowPrivilegeEscalation: false },
      resources: { cpu: { request: kplus.Cpu.millis(100) } },
      envVariables: environment(props.environment),
    }],
  });
  deployment.select(kplus.LabelSelector.of({ labels: props.selector }));
  // The restricted pod security standard asks for these, which cdk8s-plus 27 has no words for.
  ApiObject.of(deployment).addJsonPatch(
    JsonPatch.add('/spec/template/spec/securityContext/seccompProfile', { type: 'RuntimeDefault' }),
    JsonPatch.add('/spec/template/spec/containers/0/securityContext/capabilities', { drop: ['ALL'] }),
  );
  return deployment;
}

function environment(values: GatewayPodsProps['environment']): { [name: string]: kplus.EnvValue } | undefined {
  return values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)]));
}

/** Where each port binds in the pod: none below 1024, so that the proxy needs no privilege (80 → 8080, 443 → 8443). */
export function targetPorts(numbers: readonly number[]): Map<number, number> {
  const taken = new Set(numbers.filter((port) => port >= 1024));
  return new Map([...new Set(numbers)].map((port) => {
    let target = port < 1024 ? port + 8000 : port;
    while (target !== port && taken.has(target)) target += 1000;
    taken.add(target);
    return [port, target];
  }));
}
