/** What a cluster makes of manifests: Pods of Deployments, EndpointSlices of Services, addresses. So istiod can be asked about the same mesh. */

type Document = any;

const ROUTER = { istio: 'ingressgateway' };
/** A gateway's Pods and Service, which the simulator does without. */
const GATEWAY: readonly Document[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'istio-ingressgateway', namespace: 'istio-system', labels: ROUTER },
    spec: { type: 'LoadBalancer', selector: ROUTER, ports: [{ name: 'http2', port: 80, targetPort: 8080 }, { name: 'https', port: 443, targetPort: 8443 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'istio-ingressgateway', namespace: 'istio-system' },
    spec: { template: { metadata: { labels: ROUTER }, spec: { containers: [{ name: 'istio-proxy', image: 'auto' }] } } },
  },
];

/** The documents with all that a cluster adds to them. */
export function inCluster(documents: readonly Document[]): readonly Document[] {
  const all = [...GATEWAY, ...documents];
  const pods = all.filter(({ kind }) => kind === 'Deployment').map(podOf);
  return [
    ...['istio-system', 'shop', 'other'].map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...all.filter(({ kind }) => kind !== 'Deployment' && kind !== 'Service').map(withStatus),
    ...all.filter(({ kind }) => kind === 'Service').flatMap((service, index) => {
      const stored = withAddress(service, index);
      return [stored, ...slicesOf(stored, pods)];
    }),
    ...pods,
  ];
}

function podOf({ metadata, spec }: Document, index: number): Document {
  const { template } = spec;
  const podIP = `10.244.0.${index + 1}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${metadata.name}-0`, namespace: metadata.namespace, labels: { ...template.metadata.labels, 'service.istio.io/canonical-name': metadata.name } },
    spec: { serviceAccountName: 'default', ...template.spec },
    status: { podIP, podIPs: [{ ip: podIP }], phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function withAddress(service: Document, index: number): Document {
  const { spec } = service;
  const outside = spec.clusterIP !== undefined || spec.type === 'ExternalName';
  return { ...service, spec: outside ? spec : { clusterIP: `10.96.0.${index + 10}`, ...spec } };
}

function slicesOf({ metadata, spec }: Document, pods: readonly Document[]): Document[] {
  if (spec.selector === undefined) return [];
  const chosen = pods.filter(pod => pod.metadata.namespace === metadata.namespace
    && Object.entries(spec.selector).every(([name, value]) => pod.metadata.labels[name] === value));
  return [{
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${metadata.name}-1`, namespace: metadata.namespace, labels: { 'kubernetes.io/service-name': metadata.name } },
    addressType: 'IPv4',
    ports: spec.ports.map((port: Document) => ({ name: port.name ?? '', port: port.targetPort ?? port.port, protocol: 'TCP' })),
    endpoints: chosen.map(({ metadata: { name, namespace }, status }) => ({
      addresses: [status.podIP], conditions: { ready: true, serving: true, terminating: false }, targetRef: { kind: 'Pod', name, namespace },
    })),
  }];
}

/** Istio gives an address to entries that have none. */
function withStatus(document: Document, index: number): Document {
  if (document.kind !== 'ServiceEntry' || (document.spec.addresses ?? []).length > 0) return document;
  return { ...document, status: { addresses: document.spec.hosts.map((host: string, at: number) => ({ host, value: `240.240.${index + 1}.${at + 1}` })) } };
}
