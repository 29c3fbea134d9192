/** Which connections sidecars accept. Istio's sidecars always offer mutual TLS to each other; this is about what they insist on. */
export enum MtlsMode {
  /** Mutual TLS only. */
  STRICT = 'STRICT',
  /** Mutual TLS and plain text. */
  PERMISSIVE = 'PERMISSIVE',
  /** Plain text only. */
  DISABLE = 'DISABLE',
}
