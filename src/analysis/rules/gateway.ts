import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isIp, isLabel, isPartialWildcard, isPort, isProtocol, isUnixPath, isWildcardDomain, protocolClass } from './predicates';
import { serverTlsRules } from './server-tls';
import type { ServerTls } from './server-tls';

/** A Gateway as far as rules read it. */
export interface GatewaySpec {
  readonly selector?: Readonly<Record<string, string>>;
  readonly servers?: readonly {
    readonly port?: { readonly number?: number; readonly name?: string; readonly protocol?: string; readonly targetPort?: number };
    readonly bind?: string;
    readonly hosts?: readonly string[];
    readonly tls?: ServerTls;
  }[];
}

/** istio-validation §1.2. */
export function gatewayRules(context: Context): void {
  for (const resource of context.sound<GatewaySpec>('Gateway')) {
    const at = reporter(context, resource);
    if (!isLabel(resource.metadata.name)) at.invalid(['metadata', 'name'], 'MESH_NAME_INVALID', `a Gateway's name has letters, digits and -, got ${quote(resource.metadata.name)}`, 'rename it');
    const servers = resource.spec?.servers ?? [];
    if (servers.length === 0) at.invalid(['spec'], 'MESH_SERVERS_MISSING', 'a Gateway has at least one server, got none', 'add servers: [{port: …, hosts: […]}]');
    const names = new Set<string>();
    servers.forEach((server, index) => {
      const path = ['spec', 'servers', index];
      if ((server.hosts ?? []).length === 0) at.invalid(path, 'MESH_HOST_MISSING', `${fieldOf(path)} serves at least one host, got none`, 'add hosts: ["*"] for all');
      server.hosts?.forEach((host, number) => serverHost(at, host, [...path, 'hosts', number]));
      if (server.port === undefined) return; // the schema says it is missing
      serverPort(at, server.port, server.bind, path);
      const name = server.port.name ?? '';
      if (name === '') at.invalid([...path, 'port'], 'MESH_NAME_INVALID', `${fieldOf([...path, 'port'])} has a name, got ""`, 'name it after its protocol');
      else if (names.has(name)) at.invalid([...path, 'port', 'name'], 'MESH_PORT_DUPLICATE', `port names of a Gateway differ, got ${name} twice`, 'rename one');
      names.add(name);
      const protocol = (server.port.protocol ?? '').toUpperCase();
      if (server.tls !== undefined) serverTlsRules(at, server.tls, protocol, [...path, 'tls']);
      else if (protocolClass(protocol) === 'tls') at.invalid(path, 'MESH_TLS_MISSING', `a server of protocol ${protocol} has tls, got none`, 'add tls: {mode: SIMPLE, credentialName: …}');
    });
  }
}

function serverPort(at: Reporter, port: NonNullable<NonNullable<GatewaySpec['servers']>[number]['port']>, bind: string | undefined, path: Path): void {
  const unix = bind?.startsWith('unix://') === true;
  if (port.number !== undefined && !(unix ? port.number === 0 : isPort(port.number))) {
    at.invalid([...path, 'port', 'number'], 'MESH_PORT_INVALID', unix ? `a server bound to a unix socket has port 0, got ${port.number}` : `a port is from 1 to 65535, got ${port.number}`, 'correct the number');
  }
  if ((port.targetPort ?? 0) !== 0) at.invalid([...path, 'port', 'targetPort'], 'MESH_PORT_INVALID', `a server has no targetPort, got ${port.targetPort}`, 'remove it');
  if (port.protocol !== undefined && (port.protocol === '' || !isProtocol(port.protocol))) {
    at.invalid([...path, 'port', 'protocol'], 'MESH_PROTOCOL_UNKNOWN', `a server's protocol is HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, got ${quote(port.protocol)}`, 'choose one of them');
  }
  if (bind !== undefined && bind !== '' && !(unix ? isUnixPath(bind.slice('unix://'.length)) : isIp(bind))) {
    at.invalid([...path, 'bind'], 'MESH_ADDRESS_INVALID', `bind is an IP address or unix:// path, got ${quote(bind)}`, 'correct it');
  }
}

function serverHost(at: Reporter, host: string, path: Path): void {
  const [name, namespace, ...rest] = host.split('/').reverse();
  const legalNamespace = namespace === undefined || namespace === '*' || namespace === '.' || isLabel(namespace);
  const legalName = name === '*' || (name.includes('.') && (isIp(name) || (isWildcardDomain(name) && !isPartialWildcard(name))));
  if (rest.length > 0 || !legalNamespace || !legalName) {
    at.invalid(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is *, *.suffix or a full DNS name, with an optional namespace/ before it, got ${quote(host)}`,
      legalName || name.includes('.') ? 'correct the host' : `write the full name, ${name}.NAMESPACE.svc.cluster.local`);
  }
}
