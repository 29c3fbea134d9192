import { objectOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote } from './common';
import type { Reporter } from './context';
import { isPort, isWildcardDomain } from './predicates';

/** Kinds of providers, with whether they are services that are called. */
const KINDS: ReadonlyMap<string, boolean> = new Map([
  ['envoyExtAuthzHttp', true], ['envoyExtAuthzGrpc', true], ['zipkin', true], ['datadog', true], ['skywalking', true], ['opentelemetry', true],
  ['envoyHttpAls', true], ['envoyTcpAls', true], ['envoyOtelAls', true], ['lightstep', true], ['opencensus', true],
  ['prometheus', false], ['stackdriver', false], ['envoyFileAccessLog', false], ['sds', false],
]);

/** extensionProviders of MeshConfig: istiod leaves out those it cannot use and says so in its log alone. */
export function extensionProviderRules(at: Reporter, providers: readonly Json[], path: Path): void {
  const names = new Set<string>();
  providers.forEach((provider, index) => {
    const place = [...path, index];
    const doubt = (message: string, repair: string) => (
      at.say(place, { code: 'MESH_PROVIDER_INVALID', severity: 'warning', message: `${fieldOf(place)} ${message}; istiod leaves it out`, repair }));
    const name = textOf(provider.name) ?? '';
    if (name === '') doubt('has a name, got none', 'add name');
    else if (names.has(name)) doubt(`has a name of its own, got ${name} again`, 'rename one');
    names.add(name);
    const given = Object.keys(provider).filter(key => key !== 'name');
    const kind = given.find(key => KINDS.has(key));
    if (kind === undefined) return doubt(`is one of ${[...KINDS.keys()].join(', ')}, got ${given.join(', ') || 'none'}`, 'correct the kind');
    if (!KINDS.get(kind)!) return;
    const { service, port } = objectOf(provider[kind]);
    const host = (textOf(service) ?? '').split('/').pop()!;
    if (host === '' || !isWildcardDomain(host)) doubt(`names the service of ${kind}, got ${quote(textOf(service) ?? '')}`, 'write its full name');
    if (!isPort(Number(port))) doubt(`has a port from 1 to 65535 of ${kind}, got ${port === undefined ? 'none' : String(port)}`, 'choose one in that range');
  });
}
