/** The xDS types this server speaks, in the order of a push (istio-behaviour I1). */
export const TYPES = ['CDS', 'EDS', 'LDS', 'RDS', 'SDS', 'ECDS', 'NDS'] as const;

export type XdsType = (typeof TYPES)[number];

export const TYPE_URL: Readonly<Record<XdsType, string>> = {
  CDS: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  EDS: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  LDS: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  RDS: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  SDS: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  ECDS: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  NDS: 'type.googleapis.com/istio.networking.nds.v1.NameTable',
};

const BY_URL: ReadonlyMap<string, XdsType> = new Map(TYPES.map(type => [TYPE_URL[type], type]));

export function typeOfUrl(url: string): XdsType | undefined {
  return BY_URL.get(url);
}

/** CDS, LDS and NDS answer with the whole state of the type; the others only with what changed, and never remove. */
export function isWholeState(type: XdsType): boolean {
  return type === 'CDS' || type === 'LDS' || type === 'NDS';
}
