import { isObject, objectOf, objectsOf, textMapOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import { selects } from '../../model/selectors';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';
import { environmentOf } from '../rules/mesh-index';
import { isHttpUrl, isIp } from '../rules/predicates';

/** Parts of an installation: webhooks (IST0139, IST0163, IST0164), conditions that say no (IST0171), CRDs of Gateway API (IST0176), istiod's settings (IST0175). */
export function clusterAnalysis(context: Context): void {
  webhooks(context);
  conditions(context);
  gatewayApiVersion(context);
  blockedAddresses(context);
}

const WEBHOOKS = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const;

function webhooks(context: Context): void {
  const injectors = new Map<string, string>();
  for (const kind of WEBHOOKS) {
    for (const resource of context.model.of(kind)) {
      objectsOf(resource.document.webhooks).forEach((webhook, index) => {
        const name = textOf(webhook.name) ?? '';
        if (!name.endsWith('istio.io')) return;
        const path = ['webhooks', index];
        const config = objectOf(webhook.clientConfig);
        const url = textOf(config.url);
        const service = config.service;
        if (url !== undefined && !(isHttpUrl(url) && /^https?:\/\/[^/?#]/i.test(url))) {
          context.report(resource, [...path, 'clientConfig', 'url'], doubtful('MESH_WEBHOOK_INVALID', `a webhook is called by an https URL, got ${JSON.stringify(url)} for ${name}`, 'correct the URL', 'IST0163'));
        } else if (url === undefined && !isObject(service)) {
          context.report(resource, [...path, 'clientConfig'], doubtful('MESH_WEBHOOK_INVALID', `a webhook is called by a url or a service, got neither for ${name}`, 'add one of them', 'IST0163'));
        } else if (url !== undefined && isIp(/^https?:\/\/\[?([^\]/:?]+(?::[^\]/]*)?)/.exec(url)?.[1].replace(/:\d+$/, '') ?? '')) {
          context.report(resource, [...path, 'clientConfig', 'url'], { code: 'MESH_WEBHOOK_INVALID', istioCode: 'IST0164', severity: 'info', message: `a webhook's URL names a host, got an address in ${url}`, repair: 'use a name that outlives the address' });
        }
        if (isObject(service) && context.model.of('Service').length > 0 && !context.model.of('Service').some(({ metadata }) => metadata.name === service.name && metadata.namespace === service.namespace)) {
          context.report(resource, [...path, 'clientConfig', 'service'], { code: 'MESH_WEBHOOK_INVALID', istioCode: 'IST0139', message: `a webhook leads to a Service, got ${String(service.namespace)}/${String(service.name)}, which does not exist`, repair: 'correct the name' });
        }
        if (kind === 'MutatingWebhookConfiguration') overlap(context, resource, webhook, index, injectors);
      });
    }
  }
}

/** Labels that people put on namespaces and Pods to be injected. */
const SAMPLES: readonly { readonly namespace: Readonly<Record<string, string>>; readonly pod: Readonly<Record<string, string>> }[] = [
  { namespace: { 'istio-injection': 'enabled' }, pod: {} },
  { namespace: { 'istio.io/rev': 'default' }, pod: {} },
  { namespace: {}, pod: { 'sidecar.istio.io/inject': 'true' } },
  { namespace: {}, pod: { 'istio.io/rev': 'default' } },
];

/** IST0139: two injectors for the same Pods. */
function overlap(context: Context, resource: Parameters<Context['report']>[0], webhook: Json, index: number, seen: Map<string, string>): void {
  const rules = objectsOf(webhook.rules).some(rule => Array.isArray(rule.resources) && rule.resources.includes('pods'));
  if (!rules) return;
  SAMPLES.forEach(({ namespace, pod }, number) => {
    if (!takes(webhook.namespaceSelector, namespace) || !takes(webhook.objectSelector, pod)) return;
    const key = String(number);
    const first = seen.get(key);
    const own = `${resource.metadata.name}/${textOf(webhook.name) ?? ''}`;
    if (first === undefined) return void seen.set(key, own);
    if (first.split('/')[0] === resource.metadata.name) return;
    seen.set(key, own);
    context.report(resource, ['webhooks', index], { code: 'MESH_WEBHOOK_INVALID', istioCode: 'IST0139', message: `one injector takes a Pod, got ${first} and ${own} for ${JSON.stringify({ ...namespace, ...pod })}`, repair: 'remove one revision, or narrow its selectors' });
  });
}

function takes(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels, matchExpressions } = objectOf(selector);
  return selects(textMapOf(matchLabels), labels) && objectsOf(matchExpressions).every(({ key, operator, values }) => {
    const value = labels[String(key)];
    const listed = Array.isArray(values) && values.includes(value);
    return operator === 'In' ? listed : operator === 'NotIn' ? !listed : operator === 'Exists' ? value !== undefined : value === undefined;
  });
}

/** Conditions in which controllers of Istio say that something was not taken, by kind. */
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  'Service': ['istio.io/WaypointBound'],
  'ServiceEntry': ['istio.io/WaypointBound'],
  'WorkloadEntry': ['istio.io/WaypointBound'],
  'AuthorizationPolicy': ['ZtunnelAccepted', 'WaypointAccepted'],
  'Gateway.gateway.networking.k8s.io': ['Accepted', 'Programmed', 'ResolvedRefs'],
  'HTTPRoute.gateway.networking.k8s.io': ['Accepted', 'ResolvedRefs'],
};

function conditions(context: Context): void {
  for (const [kind, types] of Object.entries(CONDITIONS)) {
    for (const resource of context.model.of(kind)) {
      const all = [...objectsOf(resource.status?.conditions), ...objectsOf(resource.status?.parents).flatMap(parent => objectsOf(parent.conditions))];
      for (const { type, status, reason, message } of all) {
        const bad = status === 'False' || (kind === 'AuthorizationPolicy' && reason === 'PartiallyInvalid');
        if (!types.includes(String(type)) || !bad) continue;
        context.report(resource, ['status'], doubtful('MESH_CONDITION_FALSE', `a controller did not take it, got ${String(type)} ${String(status)}: ${textOf(reason) ?? ''} ${textOf(message) ?? ''}`.trim(), 'see its message', 'IST0171'));
      }
    }
  }
}

/** Least minor version of Gateway API 1 whose CRD of a kind istiod reads. */
const LEAST: Readonly<Record<string, number>> = { grpcroutes: 1, backendtlspolicies: 4, tlsroutes: 5, tcproutes: 6 };

function gatewayApiVersion(context: Context): void {
  for (const crd of context.model.of('CustomResourceDefinition')) {
    const version = crd.metadata.annotations['gateway.networking.k8s.io/bundle-version'];
    const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version ?? '')?.slice(1).map(Number);
    if (version === undefined || parts === undefined) continue;
    const [kind, group] = [crd.metadata.name.split('.')[0], crd.metadata.name.split('.').slice(1).join('.')];
    const least = group === 'gateway.networking.k8s.io' ? LEAST[kind] : undefined;
    if (least === undefined || parts[0] > 1 || (parts[0] === 1 && parts[1] >= least)) continue;
    context.report(crd, ['metadata', 'annotations'], doubtful('MESH_VERSION_UNKNOWN', `${kind} of Gateway API are read from version 1.${least}.0 on, got ${version} of ${crd.metadata.name}`, 'install newer CRDs', 'IST0176'));
  }
}

/** IST0175: istiod fetches keys from wherever a policy says. */
function blockedAddresses(context: Context): void {
  const tokens = context.model.of('RequestAuthentication');
  if (tokens.length === 0) return;
  for (const deployment of context.index.istiods) {
    const setting = environmentOf(deployment).find(({ name }) => name === 'BLOCKED_CIDRS_IN_JWKS_URIS');
    if ((textOf(setting?.value) ?? '') !== '') continue;
    context.report(deployment, ['spec'], doubtful('MESH_JWKS_OPEN', `istiod fetches keys for ${tokens.length} RequestAuthentications, got no BLOCKED_CIDRS_IN_JWKS_URIS that keeps it from addresses inside`,
      'set it to the blocks of the cluster', 'IST0175'));
  }
}
