import { PeerAuthentications } from '../../compiler/security/peer-authentication';
import { objectsOf, textMapOf, textOf } from '../../model/json';
import { installedMap, sharedMaps } from '../../model/mesh-config-map';
import { isHttp } from '../../model/ports';
import { resourceName } from '../../model/resource';
import type { Resource } from '../../model/resource';
import type { Workload } from '../../model/service';
import { closest } from '../../model/suggest';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { isInjected } from './destination-rules';
import type { RequestAuthenticationSpec } from '../rules/authentication';
import type { AccessRule, AuthorizationPolicySpec } from '../rules/authorization-policy';
import { deniesTcpUnasked, isHttpOnly } from '../rules/authorization-policy';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';

type Policy = Resource<AuthorizationPolicySpec>;

/** Access and token policies against the rest of the mesh. */
export function policyAnalysis(context: Context): void {
  const peers = new PeerAuthentications(context.model);
  for (const policy of context.sound<AuthorizationPolicySpec>('AuthorizationPolicy')) {
    const spec = policy.spec ?? {};
    const targeted = spec.targetRef !== undefined || (spec.targetRefs ?? []).length > 0;
    const workloads = targeted ? [] : workloadsOf(context, policy, spec);
    if (!targeted) selectsSomething(context, policy, spec, workloads);
    provider(context, policy, spec);
    spec.rules?.forEach((rule, index) => {
      const path = ['spec', 'rules', index];
      sources(context, policy, rule, path);
      onTcp(context, policy, rule, path, workloads);
      unasked(context, policy, rule, path, workloads);
      if (spec.action === 'DENY' && (deniesTcpUnasked(rule) || (workloads.length > 0 && isHttpOnly(rule)))) deniesTcp(context, policy, rule, path, workloads);
      withoutIdentity(context, policy, rule, path, workloads, peers);
    });
  }
  authorizers(context);
  tokens(context);
}

function workloadsOf(context: Context, { metadata }: Policy, { selector }: AuthorizationPolicySpec): readonly Workload[] {
  const namespace = metadata.namespace === context.model.config.rootNamespace ? undefined : metadata.namespace;
  return context.index.workloadsSelected(selector?.matchLabels ?? {}, namespace).filter(workload => isInjected(workload) || workload.gateway);
}

/** IST0127. Of a namespace of which the input has no workload, nothing can be said. */
function selectsSomething(context: Context, policy: Policy, { selector }: AuthorizationPolicySpec, workloads: readonly Workload[]): void {
  const { namespace } = policy.metadata;
  const near = namespace === context.model.config.rootNamespace ? context.model.workloads : context.index.workloadsIn(namespace);
  if (workloads.length > 0 || near.length === 0 || isGatewaySelector(selector?.matchLabels)) return;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`).join(', ');
  context.report(policy, selector === undefined ? ['metadata'] : ['spec', 'selector'], doubtful('MESH_SELECTOR_UNMATCHED',
    `takes no workload of the mesh, got ${labels === '' ? `none in the namespace ${namespace}` : `the selector ${labels}`}`, 'correct the labels or the namespace', 'IST0127'));
}

/** The gateways of an installation are often deployed apart from what uses them. */
export const isGatewaySelector = (labels: Readonly<Record<string, string>> | undefined): boolean => (
  ['ingressgateway', 'egressgateway', 'eastwestgateway'].some(name => labels?.istio === name || labels?.app === `istio-${name}`));

/** CUSTOM asks a provider that MeshConfig registers; without it Istio denies everything. */
function provider(context: Context, policy: Policy, spec: AuthorizationPolicySpec): void {
  const name = spec.provider?.name ?? '';
  if (spec.action !== 'CUSTOM' || name === '') return;
  const known = objectsOf(context.model.config.raw.extensionProviders)
    .filter(each => each.envoyExtAuthzHttp !== undefined || each.envoyExtAuthzGrpc !== undefined).map(each => textOf(each.name) ?? '');
  if (known.includes(name)) return;
  const meant = closest(name, known);
  // Without the installation's own MeshConfig in the input nobody knows all that the mesh registers.
  const given = installedMap(context.model.of) !== undefined || (known.length > 0 && sharedMaps(context.model.of).length === 0);
  context.report(policy, ['spec', 'provider', 'name'], {
    code: 'MESH_PROVIDER_UNKNOWN',
    severity: given ? 'error' : 'warning',
    message: `action CUSTOM asks a provider of MeshConfig extensionProviders, got ${name}, and ${known.length === 0 ? 'none is registered' : `registered ${known.join(', ')}`}; every request is denied`,
    repair: meant === undefined ? 'register it as envoyExtAuthzHttp or envoyExtAuthzGrpc in MeshConfig' : `did you mean ${meant}?`,
  });
}

/** Istio asks one provider for a workload; of two it asks neither and denies. */
function authorizers(context: Context): void {
  const policies = context.sound<AuthorizationPolicySpec>('AuthorizationPolicy').filter(({ spec }) => spec?.action === 'CUSTOM' && (spec.provider?.name ?? '') !== '');
  const asked = new Map<Workload, Policy>();
  const told = new Set<Policy>();
  for (const policy of policies) {
    for (const workload of workloadsOf(context, policy, policy.spec)) {
      const first = asked.get(workload);
      if (first === undefined) asked.set(workload, policy);
      if (first === undefined || first.spec.provider!.name === policy.spec.provider!.name || told.has(policy)) continue;
      told.add(policy);
      context.report(policy, ['spec', 'provider', 'name'], {
        code: 'MESH_PROVIDER_CONFLICT',
        message: `one provider is asked about a workload, got ${policy.spec.provider!.name} for ${workload.namespace}/${workload.workload}, beside ${first.spec.provider!.name} of ${resourceName(first)}; what either is asked about is denied`,
        repair: 'name the same provider, or select other workloads',
      });
    }
  }
}

/** Namespaces (IST0101) and service accounts that do not exist. */
function sources(context: Context, policy: Policy, rule: AccessRule, path: Path): void {
  rule.from?.forEach(({ source }, index) => {
    const here = [...path, 'from', index, 'source'];
    for (const field of ['namespaces', 'notNamespaces'] as const) {
      source?.[field]?.forEach((value, number) => {
        if (value === '' || context.index.knowsNamespaceLike(value)) return;
        context.report(policy, [...here, field, number], {
          code: 'MESH_NAMESPACE_UNKNOWN',
          istioCode: 'IST0101',
          severity: 'warning',
          message: `${fieldOf([...here, field])} names namespaces of callers, got ${value}, which the input does not have`,
          repair: 'correct the name',
        });
      });
    }
    source?.principals?.forEach((value, number) => account(context, policy, value, [...here, 'principals', number]));
    source?.serviceAccounts?.forEach((value, number) => {
      account(context, policy, `*/ns/${value.includes('/') ? value.replace('/', '/sa/') : `${policy.metadata.namespace}/sa/${value}`}`, [...here, 'serviceAccounts', number]);
    });
  });
}

function account(context: Context, policy: Policy, principal: string, path: Path): void {
  const [, namespace, name] = /\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(principal) ?? [];
  if (name === undefined || !context.index.knowsNamespace(namespace) || context.index.workloadsIn(namespace).length === 0) return;
  const known = context.index.serviceAccounts;
  if (known.has(`${namespace}/${name}`)) return;
  const meant = closest(`${namespace}/${name}`, known);
  context.report(policy, path, doubtful('MESH_ACCOUNT_UNKNOWN', `names callers by service account, got ${namespace}/${name}, which nobody has`,
    meant === undefined ? 'correct the name' : `did you mean ${meant}?`, 'IST0101'));
}

/** HTTP attributes for a workload that serves TCP alone: such a rule never allows, and always denies. */
function onTcp(context: Context, policy: Policy, rule: AccessRule, path: Path, workloads: readonly Workload[]): void {
  if (!hasHttpAttribute(rule)) return;
  for (const workload of workloads.filter(each => !each.gateway)) {
    const wanted = (rule.to ?? []).flatMap(({ operation }) => operation?.ports ?? []).map(Number);
    const ports = context.model.targetsOf(workload).filter(({ targetPort }) => wanted.length === 0 || wanted.includes(targetPort));
    if (ports.length === 0 || ports.some(({ port }) => port.protocol === 'Auto' || isHttp(port.protocol))) continue;
    const deny = policy.spec.action === 'DENY';
    return context.report(policy, path, {
      code: 'MESH_ACCESS_PROTOCOL',
      message: `${fieldOf(path)} asks for methods, paths or other HTTP attributes, got the workload ${workload.namespace}/${workload.workload}, `
        + `which serves TCP on ${ports.map(({ targetPort }) => targetPort).join(', ')}; the rule ${deny ? isHttpOnly(rule) ? 'denies every connection' : 'ignores them' : 'never allows one'}`,
      repair: 'ask for ports or sources, or name the service\'s port http-…',
    });
  }
}

/** A denial by HTTP attributes alone denies TCP too; of workloads that serve HTTP on every port there is nothing to fear. */
function deniesTcp(context: Context, policy: Policy, rule: AccessRule, path: Path, workloads: readonly Workload[]): void {
  const raw = workloads.filter(workload => !workload.gateway).flatMap(workload => context.model.targetsOf(workload)
    .filter(({ port }) => port.protocol !== 'Auto' && port.protocol !== 'UDP' && !isHttp(port.protocol))
    .map(({ service, port }) => `port ${port.number} of ${service.hostname}`));
  if (workloads.length > 0 && raw.length === 0) return;
  const fault = doubtful('MESH_ACCESS_HTTP_ONLY', `${fieldOf(path)} denies by HTTP attributes alone, got no ports; on TCP ports${
    raw.length === 0 ? '' : ` such as ${raw[0]}`} it denies every connection`, 'add the HTTP ports to its operations');
  // Istio does not look at conditions.
  context.report(policy, path, deniesTcpUnasked(rule) ? fault : { ...fault, istioCode: undefined });
}

/** An authorizer that speaks HTTP is asked about requests alone; connections of TCP pass by it. */
function unasked(context: Context, policy: Policy, { to }: AccessRule, path: Path, workloads: readonly Workload[]): void {
  const { action, provider: named } = policy.spec ?? {};
  if (action !== 'CUSTOM') return;
  const asked = objectsOf(context.model.config.raw.extensionProviders).find(({ name }) => name === named?.name);
  if (asked?.envoyExtAuthzHttp === undefined) return;
  const wanted = (to ?? []).flatMap(({ operation }) => operation?.ports ?? []).map(Number);
  for (const workload of workloads.filter(each => !each.gateway)) {
    const open = context.model.targetsOf(workload).filter(({ port, targetPort }) => (
      (wanted.length === 0 || wanted.includes(targetPort)) && port.protocol !== 'Auto' && !isHttp(port.protocol)));
    if (open.length === 0) continue;
    return context.report(policy, path, {
      code: 'MESH_ACCESS_PROTOCOL',
      message: `an authorizer that speaks HTTP is asked about requests, got ${named?.name} for ${workload.namespace}/${workload.workload}, which `
        + `serves TCP on ${open.map(({ targetPort }) => targetPort).join(', ')}; whoever connects there passes`,
      repair: 'ask one that speaks gRPC, or name the ports of HTTP',
    });
  }
}

const HTTP_OPERATIONS = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;

const hasHttpAttribute = ({ to = [] }: AccessRule): boolean => (
  to.some(({ operation }) => HTTP_OPERATIONS.some(field => (operation?.[field]?.length ?? 0) > 0)));

const IDENTITY = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces', 'serviceAccounts', 'notServiceAccounts', 'trustDomains'] as const;

/** Identities come from mutual TLS; where it is off, nobody has one. */
function withoutIdentity(context: Context, policy: Policy, rule: AccessRule, path: Path, workloads: readonly Workload[],
  peers: PeerAuthentications): void {
  const at = rule.from?.findIndex(({ source }) => IDENTITY.some(field => (source?.[field]?.length ?? 0) > 0)) ?? -1;
  if (at < 0) return;
  const plain = workloads.find(workload => !workload.gateway && peers.ofWorkload(workload.namespace, workload.labels) === 'DISABLE'
    && peers.portsOf(workload.namespace, workload.labels).every(port => peers.ofWorkload(workload.namespace, workload.labels, port) === 'DISABLE'));
  if (plain === undefined) return;
  context.report(policy, [...path, 'from', at], {
    code: 'MESH_ACCESS_IDENTITY',
    message: `callers show who they are by mutual TLS, got it disabled for ${plain.namespace}/${plain.workload}; the rule ${policy.spec.action === 'DENY' ? 'never denies' : 'never allows'}`,
    repair: 'set PeerAuthentication to PERMISSIVE or STRICT',
  });
}

/** Tokens that are checked where given and asked for nowhere. */
function tokens(context: Context): void {
  const policies = context.model.of('AuthorizationPolicy');
  for (const resource of context.sound<RequestAuthenticationSpec>('RequestAuthentication')) {
    if ((resource.spec?.jwtRules ?? []).length === 0) continue;
    const { namespace } = resource.metadata;
    const root = context.model.config.rootNamespace;
    const near = policies.filter(policy => namespace === root || [namespace, root].includes(policy.metadata.namespace));
    const asks = near.some(({ spec }) => /requestPrincipals|notRequestPrincipals|request\.auth\./.test(JSON.stringify(spec?.rules ?? [])) || spec?.action === 'CUSTOM');
    const routes = context.model.of('VirtualService').some(({ spec }) => JSON.stringify(spec?.http ?? []).includes('@request.auth.claims'));
    if (asks || routes) continue;
    const labels = textMapOf(resource.spec.selector?.matchLabels);
    const whom = Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(', ');
    context.report(resource, ['spec', 'jwtRules'], {
      code: 'MESH_JWT_OPTIONAL',
      severity: 'warning',
      message: `a RequestAuthentication refuses bad tokens and lets requests without any pass, got no AuthorizationPolicy that asks for one${whom === '' ? '' : ` of ${whom}`}`,
      repair: 'add an AuthorizationPolicy with requestPrincipals: ["*"]',
    });
  }
}
