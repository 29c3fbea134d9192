import { isIP } from 'net';
import type { IConstruct } from 'constructs';
import type { security } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { guarded } from './private/arguments';
import { requirePort } from './private/check';
import { meshError } from './private/errors';
import { principalsOf } from './private/policy';
import { requireConditionKey } from './private/text';

/** What a caller must, and must not, be. Lists are alternatives; different fields must all hold. Values may begin or end with `*` where Istio allows it. */
export interface AccessSourceOptions {
  /**
   * Services of the mesh that call, known by their certificates. Renders `principals`.
   * @default - any
   */
  readonly services?: IPolicyTarget[];
  /**
   * Identities as certificates say them, `cluster.local/ns/NAMESPACE/sa/ACCOUNT`. Renders `principals`.
   * @default - any
   */
  readonly principals?: string[];
  /**
   * Identities that are not meant. Renders `notPrincipals`.
   * @default - none
   */
  readonly notPrincipals?: string[];
  /**
   * Namespaces that callers' certificates name. Renders `namespaces`.
   * @default - any
   */
  readonly namespaces?: string[];
  /**
   * Namespaces that are not meant. Renders `notNamespaces`.
   * @default - none
   */
  readonly notNamespaces?: string[];
  /**
   * Token identities, `ISSUER/SUBJECT`, of a JwtAuthentication. Renders `requestPrincipals`.
   * @default - any
   */
  readonly requestPrincipals?: string[];
  /**
   * Token identities that are not meant; `*` means requests without a token. Renders `notRequestPrincipals`.
   * @default - none
   */
  readonly notRequestPrincipals?: string[];
  /**
   * IP addresses or blocks of the connection. Renders `ipBlocks`.
   * @default - any
   */
  readonly ipBlocks?: string[];
  /**
   * IP addresses or blocks of the connection that are not meant. Renders `notIpBlocks`.
   * @default - none
   */
  readonly notIpBlocks?: string[];
  /**
   * IP addresses or blocks of the client as trusted proxies report it. Renders `remoteIpBlocks`.
   * @default - any
   */
  readonly remoteIpBlocks?: string[];
  /**
   * IP addresses or blocks of the client that are not meant. Renders `notRemoteIpBlocks`.
   * @default - none
   */
  readonly notRemoteIpBlocks?: string[];
}

/** A caller, for `AuthorizationRule.from`. Renders one `rules[].from[].source`. */
export class AccessSource {
  /** Requests of a service of the mesh, known by its certificate. */
  public static service(service: IPolicyTarget): AccessSource { return new AccessSource({ services: [service] }); }
  /** Requests from these namespaces, known by certificates. */
  public static namespace(...namespaces: string[]): AccessSource { return new AccessSource({ namespaces }); }
  /** Requests of these identities, `cluster.local/ns/NAMESPACE/sa/ACCOUNT`. */
  public static principal(...principals: string[]): AccessSource { return new AccessSource({ principals }); }
  /** Requests with tokens of these identities, `ISSUER/SUBJECT`; `*` means any valid token. */
  public static requestPrincipal(...requestPrincipals: string[]): AccessSource { return new AccessSource({ requestPrincipals }); }
  /** Connections from these addresses or blocks. */
  public static ipBlock(...ipBlocks: string[]): AccessSource { return new AccessSource({ ipBlocks }); }
  /** Any combination; all fields must hold together. Throws MESH_ACCESS_INVALID, MESH_ADDRESS_INVALID. */
  public static of(options: AccessSourceOptions): AccessSource { return new AccessSource(options); }

  private constructor(private readonly options: AccessSourceOptions) {
    requireSome('AccessSource', options);
    for (const blocks of [options.ipBlocks, options.notIpBlocks, options.remoteIpBlocks, options.notRemoteIpBlocks]) blocks?.forEach(requireBlock);
  }

  /** @internal */
  public _toKube(owner: IConstruct): security.AuthorizationPolicySpecRulesFromSource {
    const { services, principals, ...rest } = this.options;
    const named = [...(services ?? []).flatMap((service) => principalsOf(owner, service)), ...(principals ?? [])];
    return { ...rest, ...(named.length > 0 && { principals: named }) };
  }
}

guarded('AccessSource', AccessSource);

/** What a request must, and must not, ask for. Lists are alternatives; different fields must all hold. Values may begin or end with `*`. */
export interface AccessOperationOptions {
  /**
   * Methods, upper case. Renders `methods`.
   * @default - any
   */
  readonly methods?: string[];
  /**
   * Methods that are not meant. Renders `notMethods`.
   * @default - none
   */
  readonly notMethods?: string[];
  /**
   * Paths, without the query. Renders `paths`.
   * @default - any
   */
  readonly paths?: string[];
  /**
   * Paths that are not meant. Renders `notPaths`.
   * @default - none
   */
  readonly notPaths?: string[];
  /**
   * Hosts that requests ask for. Renders `hosts`.
   * @default - any
   */
  readonly hosts?: string[];
  /**
   * Hosts that are not meant. Renders `notHosts`.
   * @default - none
   */
  readonly notHosts?: string[];
  /**
   * Ports that the container listens on (`targetPort`). Renders `ports`.
   * @default - any
   */
  readonly ports?: number[];
  /**
   * Ports that are not meant. Renders `notPorts`.
   * @default - none
   */
  readonly notPorts?: number[];
}

/** Options of `AccessOperation.tcp()`. */
export interface TcpOperationOptions {
  /** Ports that the container listens on (`targetPort`). */
  readonly ports: number[];
}

/** What is asked for, for `AuthorizationRule.operations`. Renders one `rules[].to[].operation`. */
export class AccessOperation {
  /** HTTP requests. Throws MESH_ACCESS_INVALID, MESH_PORT_INVALID. */
  public static http(options: AccessOperationOptions): AccessOperation { return new AccessOperation(options); }
  /** Connections to ports, whatever is spoken there. Throws MESH_ACCESS_INVALID, MESH_PORT_INVALID. */
  public static tcp(options: TcpOperationOptions): AccessOperation { return new AccessOperation({ ports: options.ports }); }

  private constructor(private readonly options: AccessOperationOptions) {
    requireSome('AccessOperation', options);
    [...options.ports ?? [], ...options.notPorts ?? []].forEach((port) => requirePort('a port of an operation', port));
    const bad = [...options.methods ?? [], ...options.notMethods ?? []].find((method) => method !== method.toUpperCase());
    if (bad !== undefined) throw meshError(undefined, 'MESH_ACCESS_INVALID', `methods must be upper case, as HTTP has them, got "${bad}"; write "${bad.toUpperCase()}"`);
  }

  /** @internal */
  public _toKube(): security.AuthorizationPolicySpecRulesToOperation {
    const { ports, notPorts, ...rest } = this.options;
    return { ...rest, ...(ports && { ports: ports.map(String) }), ...(notPorts && { notPorts: notPorts.map(String) }) };
  }
}

guarded('AccessOperation', AccessOperation);

/** Options of a condition: at least one of the two. */
export interface AccessConditionOptions {
  /**
   * Alternatives, one of which must hold.
   * @default - any
   */
  readonly values?: string[];
  /**
   * Values that must not be.
   * @default - none
   */
  readonly notValues?: string[];
}

/** Something else that must hold, for `AuthorizationRule.when`. Renders one `rules[].when[]`. */
export class AccessCondition {
  /** A header of the request. Throws MESH_ACCESS_KEY for an empty name, MESH_ACCESS_INVALID. */
  public static header(name: string, options: AccessConditionOptions): AccessCondition { return new AccessCondition(`request.headers[${name}]`, options); }
  /** A claim of the token; a path of names for nested ones. Throws MESH_ACCESS_KEY without a name, MESH_ACCESS_INVALID. */
  public static claim(path: string[], options: AccessConditionOptions): AccessCondition {
    return new AccessCondition(`request.auth.claims${path.map((name) => `[${name}]`).join('')}`, options);
  }
  /** Any attribute of Istio's table of conditions, e.g. `connection.sni` or `destination.port`. Throws MESH_ACCESS_KEY for any other, MESH_ACCESS_INVALID. */
  public static attribute(key: string, options: AccessConditionOptions): AccessCondition { return new AccessCondition(key, options); }

  private constructor(private readonly key: string, private readonly options: AccessConditionOptions) {
    requireConditionKey(key);
    requireSome('AccessCondition', options);
  }

  /** @internal */
  public _toKube(): security.AuthorizationPolicySpecRulesWhen {
    const { values, notValues } = this.options;
    return { key: this.key, ...(values && { values: [...values] }), ...(notValues && { notValues: [...notValues] }) };
  }
}

guarded('AccessCondition', AccessCondition);

function requireSome(what: string, options: object): void {
  const given = Object.entries(options).filter(([, values]) => values !== undefined) as [string, unknown[]][];
  if (given.length === 0) throw meshError(undefined, 'MESH_ACCESS_INVALID', `an ${what} must say something, got {}; name at least one thing`);
  const empty = given.find(([, values]) => values.length === 0 || values.includes(''));
  if (empty !== undefined) throw meshError(undefined, 'MESH_ACCESS_INVALID', `${empty[0]} of an ${what} must have values, none of them empty, got ${JSON.stringify(empty[1])}; leave it away, or say values`);
}

function requireBlock(block: string): void {
  const [address, bits, ...more] = block.split('/');
  const version = isIP(address);
  const ok = version !== 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
  if (!ok) throw meshError(undefined, 'MESH_ADDRESS_INVALID', `an IP block must be an address, or one with a length of prefix (10.0.0.0/8), got "${block}"; write one of those`);
}
