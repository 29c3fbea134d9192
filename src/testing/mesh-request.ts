import type { IConstruct } from 'constructs';

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

  private constructor(
    /** `GET`, `POST`, … */ public readonly method: string,
    /** `http://HOST[:PORT]/PATH`, as the caller writes it. */ public readonly url: string,
    headers: { [name: string]: string }) {
    this.headers = headers;
  }

  /** The same request with one more header; a header of that name is replaced. */
  public header(name: string, value: string): MeshRequest {
    return new MeshRequest(this.method, this.url, { ...this.headers, [name.toLowerCase()]: value });
  }
}

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
}
