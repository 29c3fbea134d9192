/** A connection as a listener sees it. */
export interface Connection {
  /** Address and port that were dialled: the original destination where traffic is captured. */
  readonly address: string;
  readonly port: number;
  readonly transport: 'raw_buffer' | 'tls';
  /** Server name of the TLS hello. */
  readonly sni?: string;
  /** ALPN of the TLS hello. */
  readonly alpn?: readonly string[];
  /** What the first bytes are, for a plain connection: the HTTP inspector finds it out. */
  readonly http?: 'http/1.0' | 'http/1.1' | 'h2c';
  readonly sourceAddress?: string;
}
