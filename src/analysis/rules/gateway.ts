import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { doubtful, invalid } from './context';
import type { Context } from './context';
import { isIp, isLabel, isPartialWildcard, isPort, isProtocol, isWildcardDomain } from './predicates';

interface ServerTls {
  readonly mode?: string;
  readonly httpsRedirect?: boolean;
  readonly serverCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly credentialName?: string;
  readonly credentialNames?: readonly string[];
  readonly tlsCertificates?: readonly unknown[];
}

interface GatewaySpec {
  readonly servers?: readonly {
    readonly port?: { readonly number?: number; readonly name?: string; readonly protocol?: string };
    readonly bind?: string;
    readonly hosts?: readonly string[];
    readonly tls?: ServerTls;
  }[];
}

type Fault = (path: Path, code: string, message: string, repair: string) => void;

/** istio-validation §1.2. */
export function gatewayRules(context: Context): void {
  for (const resource of context.sound<GatewaySpec>('Gateway')) {
    const fault: Fault = (path, code, message, repair) => context.report(resource, path, invalid(code, message, repair));
    const servers = resource.spec?.servers ?? [];
    if (servers.length === 0) fault(['spec'], 'MESH_SERVERS_MISSING', 'a Gateway has at least one server, got none', 'add servers: [{port: …, hosts: […]}]');
    const names = new Set<string>();
    servers.forEach((server, index) => {
      const path = ['spec', 'servers', index];
      if ((server.hosts ?? []).length === 0) fault(path, 'MESH_HOST_MISSING', `${fieldOf(path)} serves at least one host, got none`, 'add hosts: ["*"] for all');
      server.hosts?.forEach((host, at) => serverHost(host, [...path, 'hosts', at], fault));
      const { port } = server;
      if (port === undefined) return; // the schema says it is missing
      const unix = server.bind?.startsWith('unix://') === true;
      if (port.number !== undefined && !(unix ? port.number === 0 : isPort(port.number))) {
        fault([...path, 'port', 'number'], 'MESH_PORT_INVALID', unix ? `a server bound to a unix socket has port 0, got ${port.number}` : `a port is from 1 to 65535, got ${port.number}`, 'correct the number');
      }
      if (port.protocol !== undefined && (port.protocol === '' || !isProtocol(port.protocol))) {
        fault([...path, 'port', 'protocol'], 'MESH_PROTOCOL_UNKNOWN', `a server's protocol is HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, got ${JSON.stringify(port.protocol)}`, 'choose one of them');
      }
      if ((port.name ?? '') !== '') {
        if (names.has(port.name!)) fault([...path, 'port', 'name'], 'MESH_PORT_DUPLICATE', `port names of a Gateway differ, got ${port.name} twice`, 'rename one');
        names.add(port.name!);
      }
      if (server.bind !== undefined && !unix && !isIp(server.bind)) fault([...path, 'bind'], 'MESH_ADDRESS_INVALID', `bind is an IP address or unix:// path, got ${JSON.stringify(server.bind)}`, 'correct it');
      tlsPresence(context, resource, server.tls, (port.protocol ?? '').toUpperCase(), path, fault);
    });
  }
}

function serverHost(host: string, path: Path, fault: Fault): void {
  const [name, namespace, ...rest] = host.split('/').reverse();
  const legalNamespace = namespace === undefined || namespace === '*' || namespace === '.' || isLabel(namespace);
  const legalName = name === '*' || isIp(name) || (name.includes('.') && isWildcardDomain(name) && !isPartialWildcard(name));
  if (rest.length > 0 || !legalNamespace || !legalName) {
    fault(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is *, *.suffix or a full DNS name, with an optional namespace/ before it, got ${JSON.stringify(host)}`,
      legalName || name.includes('.') ? 'correct the host' : `write the full name, ${name}.NAMESPACE.svc.cluster.local`);
  }
}

function tlsPresence(context: Context, resource: Parameters<Context['report']>[0], tls: ServerTls | undefined, protocol: string, path: Path, fault: Fault): void {
  const secure = protocol === 'HTTPS' || protocol === 'TLS';
  const http = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY'].includes(protocol);
  if (secure && tls === undefined) fault(path, 'MESH_TLS_MISSING', `a server of protocol ${protocol} has tls, got none`, 'add tls: {mode: SIMPLE, credentialName: …}');
  if (tls === undefined) return;
  const at = [...path, 'tls'];
  const mode = tls.mode ?? 'PASSTHROUGH';
  const sources = [tls.serverCertificate !== undefined || tls.privateKey !== undefined, (tls.credentialName ?? '') !== '', (tls.credentialNames?.length ?? 0) > 0, (tls.tlsCertificates?.length ?? 0) > 0];
  if (http && (!['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(mode) || sources.some(Boolean) || tls.caCertificates !== undefined)) {
    fault(at, 'MESH_TLS_INVALID', `a server of protocol ${protocol} takes tls only for httpsRedirect, got mode ${mode}`, 'use protocol HTTPS, or keep only httpsRedirect');
    return;
  }
  if (!http && tls.httpsRedirect === true) context.report(resource, [...at, 'httpsRedirect'], doubtful('MESH_TLS_INVALID', `httpsRedirect acts on HTTP ports only, got protocol ${protocol}`, 'move it to the HTTP server'));
  if (sources.filter(Boolean).length > 1) fault(at, 'MESH_TLS_INVALID', 'tls has one source of certificates, got several of files, credentialName, credentialNames, tlsCertificates', 'keep one of them');
  if (mode === 'ISTIO_MUTUAL' && (sources.some(Boolean) || tls.caCertificates !== undefined)) {
    fault(at, 'MESH_TLS_INVALID', 'tls ISTIO_MUTUAL uses the mesh\'s own certificates, got others', 'remove them');
  }
  if (['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'].includes(mode) && !sources[1] && !sources[2] && !sources[3]) {
    const needed: readonly (keyof ServerTls)[] = mode === 'SIMPLE' ? ['serverCertificate', 'privateKey'] : ['serverCertificate', 'privateKey', 'caCertificates'];
    const absent = needed.filter(field => (tls[field] ?? '') === '');
    if (absent.length > 0) fault(at, 'MESH_TLS_INVALID', `tls ${mode} needs credentialName, or ${needed.join(', ')}, got no ${absent.join(', ')}`, 'add credentialName with the name of a Secret');
  }
}
