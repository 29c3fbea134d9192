/** What sidecars do with requests to hosts that they do not know. Renders `outboundTrafficPolicy.mode` of a Sidecar. */
export enum EgressPolicy {
  /** Let them through, to wherever they go. */
  ALLOW_ANY = 'ALLOW_ANY',
  /** Answer 502 to HTTP and close other connections: only services and declared outside hosts can be reached. */
  REGISTRY_ONLY = 'REGISTRY_ONLY',
}
