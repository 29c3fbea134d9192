import type { IConstruct } from 'constructs';
import type { AuthorizerAnswer } from './authorizer-answer';
import { guarded } from '../private/arguments';

/** An HTTP request to send through a mesh. Immutable: each verb returns another request. */
export class MeshRequest {
  /** `GET http://reviews:9080/reviews/0`. */
  public static get(url: string): MeshRequest { return new MeshRequest('GET', url, {}); }
  /** `POST http://reviews:9080/reviews`. */
  public static post(url: string): MeshRequest { return new MeshRequest('POST', url, {}); }
  /** A request with another method. */
  public static of(method: string, url: string): MeshRequest { return new MeshRequest(method.toUpperCase(), url, {}); }

  /** Headers by lower-case name. */
  public readonly headers: { [name: string]: string };
  /**
   * Claims of the token that the request carries.
   * @default - no token but one that a header carries
   */
  public readonly claims?: { [name: string]: any };

  private constructor(
    /** `GET`, `POST`, … */ public readonly method: string,
    /** `http://HOST[:PORT]/PATH`, as the caller writes it. */ public readonly url: string,
    headers: { [name: string]: string },
    claims?: { [name: string]: any }) {
    this.headers = headers;
    this.claims = claims;
  }

  /** The same request with one more header; a header of that name is replaced. */
  public header(name: string, value: string): MeshRequest {
    return new MeshRequest(this.method, this.url, { ...this.headers, [name.toLowerCase()]: value }, this.claims);
  }

  /**
   * The same request with a token (JWT) of these claims in `Authorization: Bearer …`. It counts as signed by the issuer that `iss` names, so
   * a test needs no key; issuer, audience and life are still checked. A real token goes into a header and is checked against the `jwks` of the manifests.
   * @example
   * MeshRequest.get('http://reviews:9080/').withClaims({ iss: 'https://issuer.example', sub: 'alice', groups: ['staff'] });
   */
  public withClaims(claims: { [name: string]: any }): MeshRequest {
    return new MeshRequest(this.method, this.url, this.headers, { ...claims });
  }
}

guarded('MeshRequest', MeshRequest);

/** Who sends a request. */
export interface SendOptions {
  /**
   * The sender: a `MeshService`, a `MeshVersion`, a workload of cdk8s-plus, or a `MeshGateway` for a request that enters there.
   * @default - nobody in the mesh: the request comes from outside, to the gateway that serves its host
   */
  readonly from?: IConstruct;
  /**
   * The sender by name, for manifests without constructs: `NAME`, `NAME.NAMESPACE`, `deploy/NAME`, `gateway:NAME` or `outside`.
   * @default - what `from` says
   */
  readonly fromName?: string;
  /**
   * IP address that the request comes from, for rules over addresses.
   * @default - the sender's own; from outside 203.0.113.1, which nobody has
   */
  readonly fromAddress?: string;
  /**
   * When the request is sent, for the life of tokens.
   * @default - tokens are never too old or too new
   */
  readonly at?: Date;
  /**
   * HTTP status that external authorizers answer to requests that a CUSTOM policy asks them about; 200 lets them pass, others up to 599 do not.
   * @default 200
   */
  readonly externalAuthorizer?: number;
  /**
   * All that external authorizers answer, where a status alone does not say it.
   * @default - the status in `externalAuthorizer`
   */
  readonly authorizerAnswer?: AuthorizerAnswer;
  /**
   * Certificate that a caller from outside shows to a gateway, for an `https` URL; it counts as signed by a CA that the gateway trusts.
   * @default - none, which a gateway with GatewayTls.mutual() turns away
   */
  readonly clientCertificate?: ClientCertificate;
  /**
   * Server name (SNI) that a caller from outside asks for, for an `https` URL.
   * @default - the host of the URL
   */
  readonly serverName?: string;
}

/** A certificate by what is in it. Tests have no keys, so whose certificate it is gets declared. */
export class ClientCertificate {
  /** A certificate with these names of its subject: URIs or DNS names. */
  public static of(...names: string[]): ClientCertificate { return new ClientCertificate(names); }
  /** The certificate of a workload of the mesh, as Istio's CA gives it: `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`. */
  public static spiffe(namespace: string, serviceAccount: string, trustDomain: string = 'cluster.local'): ClientCertificate {
    return new ClientCertificate([`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`]);
  }

  /** Subject alternative names. */
  public readonly names: string[];

  private constructor(names: string[]) {
    this.names = names;
  }
}

guarded('ClientCertificate', ClientCertificate);
