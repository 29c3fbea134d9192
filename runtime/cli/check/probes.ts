import { madeUp } from './made-up';
import type { MadeUp } from './made-up';
import { gatewaySpec } from './plan';
import type { PlannedRequest } from './plan';
import type { Rule } from './rules';
import { bindingsOf } from './rules';
import type { Explanation, RequestSpec } from '../../../src/analysis/explain';
import { workloadName } from '../../../src/analysis/explain';
import { objectOf, objectsOf, textOf, textsOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import { resolveHost } from '../../../src/model/names';
import { selects } from '../../../src/model/selectors';
import type { Service, Workload } from '../../../src/model/service';
import type { UpHandle } from '../up/up';

/** A rule that no request was sent for, and why. */
export interface Unexercised { readonly written: string; readonly because: string }

type Mesh = Pick<UpHandle, 'model' | 'gateways' | 'dial'>;
type Explain = (spec: RequestSpec) => Explanation;

/** Callers tried for a rule, so that a large mesh does not take all day. */
const MOST_CALLERS = 20;
/** Requests that a rule delays are few. */
const FEW = 10;

/** Requests for a rule, from the sidecar of somebody who calls its hosts, or at its gateway: the first kind that the rule takes. */
export function probeOf(mesh: Mesh, explain: Explain, rule: Rule, count: number): PlannedRequest | Unexercised {
  let because: string | undefined;
  for (const { request, spec } of candidates(mesh, rule)) {
    const explanation = explain(spec);
    if (explanation.rule?.written !== rule.written) {
      because ??= `${request.method} ${spec.url}${marks(request.headers)} from ${request.proxy} is taken by ${explanation.rule?.written || explanation.rule?.name || 'no rule'}`;
      continue;
    }
    const outside = explanation.targets.find(({ host }) => mesh.model.servicesByHost.get(host)?.every(({ meshExternal }) => meshExternal) ?? false);
    if (outside !== undefined) return { written: rule.written, because: `it leads out of the mesh, to ${outside.host}` };
    const slow = (explanation.fault?.delaySeconds ?? 0) * (explanation.fault?.delayPercent ?? 0) > 100;
    return { ...request, count: slow ? Math.min(count, FEW) : count };
  }
  return { written: rule.written, because: because ?? 'nobody in this mesh can call its hosts over HTTP' };
}

const marks = (headers: Readonly<Record<string, string>>) => Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`).join('');

interface Candidate { readonly request: PlannedRequest; readonly spec: RequestSpec }

function* candidates(mesh: Mesh, rule: Rule): Generator<Candidate> {
  const bound = bindingsOf(rule.owner);
  for (const match of rule.matches) {
    const asked = madeUp(match);
    const only = textsOf(match.gateways);
    if (bound.includes('mesh') && (only.length === 0 || only.includes('mesh'))) yield* insideMesh(mesh, rule, asked);
    if (bound.some(name => name !== 'mesh') && !(only.length === 1 && only[0] === 'mesh')) yield* atGateways(mesh, rule, asked);
  }
}

function* insideMesh(mesh: Mesh, { owner }: Rule, asked: MadeUp): Generator<Candidate> {
  const { model } = mesh;
  const { namespace } = owner.metadata;
  for (const service of textsOf(owner.spec.hosts).flatMap(host => servicesOf(model, host, namespace))) {
    const port = service.ports.find(({ number, protocol }) => (asked.port === undefined ? /^(HTTP|HTTP2|GRPC|GRPC-Web|Auto)$/.test(protocol) : number === asked.port));
    if (port === undefined) continue;
    for (const caller of callersOf(model, service, asked).slice(0, MOST_CALLERS)) {
      const name = service.namespace === caller.namespace ? service.name : `${service.name}.${service.namespace}`;
      const authority = asked.authority ?? `${name}:${port.number}`;
      const dialled = mesh.dial(caller, service.hostname, port.number);
      if (dialled === undefined) continue;
      const from = workloadName(caller);
      const { method, path, headers } = asked;
      const spec = { from, method, url: `http://${authority}${path}`, headers };
      yield { spec, request: { proxy: from, address: dialled.host, port: dialled.port, method, path, host: authority, headers, count: 0, spec } };
    }
  }
}

function servicesOf(model: Model, host: string, namespace: string): readonly Service[] {
  const found = host.startsWith('*') ? model.services.filter(({ hostname }) => hostname.endsWith(host.slice(1))) : model.servicesByHost.get(resolveHost(host, namespace, model.domain)) ?? [];
  return found.filter(({ registry }) => registry === 'Kubernetes');
}

/** Workloads that may call a service, likely ones first: not itself, of its namespace, and what gateways lead to. */
function callersOf(model: Model, service: Service, { sourceLabels, sourceNamespace }: MadeUp): Workload[] {
  const seen = new Set<string>();
  const fronts = frontsOf(model);
  const unlikely = (caller: Workload) => Number(selects(service.selector, caller.labels)) * 4 + Number(caller.namespace !== service.namespace) * 2
    + Number(!model.targetsOf(caller).some(target => fronts.has(target.service.hostname)));
  return model.workloads
    .filter(caller => !caller.gateway && (sourceNamespace ?? caller.namespace) === caller.namespace)
    .filter(({ labels }) => Object.entries(sourceLabels).every(([key, value]) => labels[key] === value))
    .filter(caller => !seen.has(workloadName(caller)) && seen.add(workloadName(caller)))
    .sort((a, b) => unlikely(a) - unlikely(b));
}

/** Host names that rules of gateways lead to. */
function frontsOf(model: Model): ReadonlySet<string> {
  return new Set(model.of('VirtualService').filter(rule => bindingsOf(rule).some(name => name !== 'mesh')).flatMap(rule => objectsOf(rule.spec.http)
    .flatMap(http => objectsOf(http.route)).map(route => resolveHost(textOf(objectOf(route.destination).host) ?? '', rule.metadata.namespace, model.domain))));
}

function* atGateways({ gateways }: Mesh, { owner }: Rule, asked: MadeUp): Generator<Candidate> {
  for (const gateway of gateways.filter(({ url }) => url.startsWith('http:'))) {
    for (const domain of textsOf(owner.spec.hosts)) {
      const host = asked.authority ?? (domain === '*' ? undefined : domain.replace(/^\*/, 'any'));
      const { method, path, headers } = asked;
      const spec = gatewaySpec(gateway, { method, path, headers, host });
      yield { spec, request: { proxy: gateway.name, address: gateway.address, port: gateway.port, method, path, host, headers, count: 0, spec } };
    }
  }
}
