import type { DestinationRuleSpec, HttpRoute, TrafficPolicy, VirtualServiceSpec } from '../../compiler/istio-api';
import { PeerAuthentications } from '../../compiler/security/peer-authentication';
import { isWildcard } from '../../model/hosts';
import { objectOf } from '../../model/json';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Service, Workload } from '../../model/service';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';

type Rule = Resource<DestinationRuleSpec>;

/** DestinationRules against the rest of the mesh: certificates, subsets, mutual TLS, each other. */
export function destinationRuleAnalysis(context: Context): void {
  const peers = new PeerAuthentications(context.model);
  const routed = routedSubsets(context);
  const firsts = new Map<string, Rule>();
  for (const rule of context.sound<DestinationRuleSpec>('DestinationRule')) {
    if (typeof rule.spec?.host !== 'string') continue;
    const host = resolveHost(rule.spec.host, rule.metadata.namespace, context.model.domain).toLowerCase();
    const services = context.index.servicesMatching(host);
    uncheckedServers(context, rule, services);
    twins(context, firsts, rule, host);
    subsets(context, rule, host, isWildcard(host) ? [] : services, routed);
    mutualTls(context, rule, services, peers);
    implicitFailover(context, rule, services);
  }
}

/** Policies of a rule with their paths: of the host, of its ports, of its subsets. */
function policiesOf({ spec }: Rule): readonly { readonly policy: TrafficPolicy; readonly path: Path }[] {
  const own = [{ policy: spec.trafficPolicy, path: ['spec', 'trafficPolicy'] as Path },
    ...(spec.subsets ?? []).map((subset, index) => ({ policy: subset.trafficPolicy, path: ['spec', 'subsets', index, 'trafficPolicy'] as Path }))];
  return own.filter((each): each is { policy: TrafficPolicy; path: Path } => each.policy !== undefined);
}

/**
 * IST0128, IST0129: TLS that does not check whom it speaks to. Without caCertificates istiod checks by the system's own authorities, and
 * the name by the SNI where it sets that itself; so unlike Istio's analyzer this one is silent where both hold.
 */
function uncheckedServers(context: Context, rule: Rule, services: readonly Service[]): void {
  const { trafficPolicy: policy, host, workloadSelector } = rule.spec;
  const named = services.some(({ subjectAltNames }) => subjectAltNames.length > 0);
  const check = (tls: TrafficPolicy['tls'], path: Path, istioCode: string, where: string) => {
    if ((tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL') || (tls.caCertificates ?? '') !== '') return;
    if ((tls.credentialName ?? '') !== '' && workloadSelector !== undefined) return;
    const say = (field: string, message: string, repair: string) => context.report(rule, [...path, field],
      doubtful('MESH_TLS_UNCHECKED', `tls ${tls.mode} to ${host}${where} ${message}`, repair, istioCode));
    if (tls.insecureSkipVerify === true) {say('insecureSkipVerify', 'takes any certificate, got insecureSkipVerify', 'remove it, and add caCertificates where the authority is no public one');} else if (context.index.istiodEnv('VERIFY_CERTIFICATE_AT_CLIENT') === 'false') {say('mode', 'takes any certificate, got no caCertificates and an istiod with VERIFY_CERTIFICATE_AT_CLIENT false', 'add caCertificates');} else if ((tls.sni ?? '') !== '' && (tls.subjectAltNames ?? []).length === 0 && !named) {
      say('sni', `takes the certificate of any host that a public authority signed, got sni ${tls.sni} without subjectAltNames`, `add subjectAltNames: [${tls.sni}], or leave sni out`);
    }
  };
  check(policy?.tls, ['spec', 'trafficPolicy', 'tls'], 'IST0128', '');
  policy?.portLevelSettings?.forEach(({ tls, port }, index) => check(tls, ['spec', 'trafficPolicy', 'portLevelSettings', index, 'tls'], 'IST0129', `, port ${port?.number ?? ''}`));
}

/** Two rules of one namespace for one host are merged: of what both say, the older wins without a word. */
function twins(context: Context, firsts: Map<string, Rule>, rule: Rule, host: string): void {
  if (rule.spec.workloadSelector !== undefined) return;
  const key = JSON.stringify([host, rule.metadata.namespace, [...rule.spec.exportTo ?? []].sort()]);
  const first = firsts.get(key);
  if (first === undefined) return void firsts.set(key, rule);
  const names = new Set((first.spec.subsets ?? []).map(({ name }) => name));
  const lost = [
    ...(first.spec.trafficPolicy !== undefined && rule.spec.trafficPolicy !== undefined ? ['trafficPolicy'] : []),
    ...(rule.spec.subsets ?? []).filter(({ name }) => names.has(name)).map(({ name }) => `subset ${name}`),
  ];
  context.report(rule, ['spec', 'host'], {
    code: 'MESH_RULE_DUPLICATE',
    severity: lost.length > 0 ? 'warning' : 'info',
    message: `one DestinationRule speaks for a host of its namespace, got ${host} here and in ${resourceName(first)}; `
      + (lost.length > 0 ? `what both say counts as the older has it: ${lost.join(', ')}` : 'both are merged'),
    repair: 'join both in one DestinationRule',
  });
}

const weighted = (route: NonNullable<HttpRoute['route']>) => (
  route.filter(({ weight }) => weight !== 0 || route.length === 1).map(({ destination }) => destination));

/** Subsets that some route leads to, as `host subset`. */
function routedSubsets(context: Context): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { metadata, spec } of context.sound<VirtualServiceSpec>('VirtualService')) {
    const mirrored = (rule: HttpRoute) => [rule.mirror, ...(rule.mirrors ?? []).map(({ destination }) => destination)];
    const http = (spec?.http ?? []).flatMap(rule => [...weighted(rule.route ?? []), ...mirrored(rule)]);
    const l4 = [...spec?.tls ?? [], ...spec?.tcp ?? []].flatMap(rule => (rule.route ?? []).map(({ destination }) => destination));
    for (const destination of [...http, ...l4]) {
      if (destination?.subset === undefined || typeof destination.host !== 'string') continue;
      used.add(`${resolveHost(destination.host, metadata.namespace, context.model.domain).toLowerCase()} ${destination.subset}`);
    }
  }
  return used;
}

function subsets(context: Context, rule: Rule, host: string, services: readonly Service[], routed: ReadonlySet<string>): void {
  const pods = services.flatMap(service => podsOf(context, service));
  const takes = (labels: Readonly<Record<string, string>>) => pods.some(pod => selects(labels, pod.labels));
  // A subset of a version that is deployed later is no fault until a route leads to it; one that no version can be is.
  const noneTaken = (rule.spec.subsets ?? []).every(({ labels }) => !takes(labels ?? {}));
  rule.spec.subsets?.forEach((subset, index) => {
    const path = ['spec', 'subsets', index];
    const used = routed.has(`${host} ${subset.name}`);
    if (subset.trafficPolicy !== undefined && !used && !isWildcard(host)) {
      context.report(rule, [...path, 'trafficPolicy'], {
        code: 'MESH_SUBSET_UNUSED',
        severity: 'warning',
        message: `the policy of a subset holds where a route leads to it, got none to ${subset.name} of ${rule.spec.host}`,
        repair: 'move the policy to spec.trafficPolicy, or route to the subset in a VirtualService',
      });
    }
    const labels = Object.entries(subset.labels ?? {}).filter(([key]) => !key.startsWith('topology.') && key !== 'kubernetes.io/hostname');
    if (pods.length === 0 || labels.length === 0 || takes(Object.fromEntries(labels))) return;
    if (!used && !noneTaken && labels.every(([key]) => pods.some(pod => key in pod.labels))) return;
    context.report(rule, [...path, 'labels'], {
      code: 'MESH_SUBSET_EMPTY',
      istioCode: 'IST0173',
      severity: 'warning',
      message: `the subset ${subset.name} takes Pods of ${rule.spec.host} with ${labels.map(([key, value]) => `${key}=${value}`).join(', ')}, got none such${used ? '; requests routed to it get 503' : ''}`,
      repair: 'correct the labels, or deploy that version',
    });
  });
}

function podsOf(context: Context, service: Service): readonly Workload[] {
  if (service.registry !== 'Kubernetes' || Object.keys(service.selector).length === 0) return [];
  return context.index.workloadsSelected(service.selector, service.namespace);
}

/** A client that is told to speak plainly to servers that take mutual TLS alone. */
function mutualTls(context: Context, rule: Rule, services: readonly Service[], peers: PeerAuthentications): void {
  const settings = policiesOf(rule).flatMap(({ policy, path }) => [
    { tls: policy.tls, path: [...path, 'tls'], port: undefined as number | undefined },
    ...(policy.portLevelSettings ?? []).map(({ tls, port }, index) => ({ tls, path: [...path, 'portLevelSettings', index, 'tls'], port: port?.number })),
  ]).filter(({ tls }) => tls?.mode === 'DISABLE' || tls?.mode === 'SIMPLE');
  for (const { tls, path, port } of settings) {
    const isStrict = (service: Service, pod: Workload) => isInjected(pod)
      && targetPorts(context, service, pod, port).some(target => peers.ofWorkload(pod.namespace, pod.labels, target) === 'STRICT');
    const pairs = services.flatMap(service => podsOf(context, service).map(pod => ({ service, pod })));
    const strict = pairs.find(({ service, pod }) => isStrict(service, pod));
    if (strict === undefined) continue;
    context.report(rule, path, {
      code: 'MESH_MTLS_CONFLICT',
      message: `${fieldOf(path)} ${tls!.mode} reaches no server that takes mutual TLS alone, got PeerAuthentication STRICT for ${strict.pod.namespace}/${strict.pod.workload}`,
      repair: 'remove tls or write ISTIO_MUTUAL, or make the server PERMISSIVE',
    });
  }
}

export const isInjected = (workload: Workload): boolean => workload.labels['security.istio.io/tlsMode'] === 'istio';

function targetPorts(context: Context, service: Service, pod: Workload, port: number | undefined): readonly number[] {
  return context.model.targetsOf(pod).filter(target => target.service === service && (port ?? target.port.number) === target.port.number)
    .map(({ targetPort }) => targetPort);
}

/** Locality failover that nobody asked for: it begins with outlierDetection, unless it is turned off. */
function implicitFailover(context: Context, rule: Rule, services: readonly Service[]): void {
  const mesh = objectOf(context.model.config.raw.localityLbSetting);
  if (mesh.enabled === false || Object.keys(mesh).length > 0) return;
  for (const { policy, path } of policiesOf(rule)) {
    if (policy.outlierDetection === undefined || policy.loadBalancer?.localityLbSetting !== undefined) continue;
    const localities = new Set(services.flatMap(service => podsOf(context, service)).map(({ locality }) => locality));
    const known = [...localities].filter(locality => locality !== '');
    if (known.length === 1 || services.length === 0) continue;
    context.report(rule, [...path, 'outlierDetection'], {
      code: 'MESH_FAILOVER_IMPLIED',
      severity: 'info',
      message: `outlierDetection also turns on locality failover: callers prefer endpoints of their own zone, got no localityLbSetting${known.length > 1 ? ` and endpoints in ${known.sort().join(', ')}` : ''}`,
      repair: 'write loadBalancer: {localityLbSetting: {enabled: false}} where that is not meant',
    });
  }
}
