type Labels = Readonly<Record<string, string>>;

/** `region/zone/subzone` from a Node's labels, without trailing empty parts; `''` where they say nothing. */
export function localityOfLabels(labels: Labels): string {
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return joinLocality(region, zone, labels['topology.istio.io/subzone'] ?? '');
}

/** Locality of a Pod or WorkloadEntry: its label `istio-locality` wins over where it runs. */
export function localityOfPod(labels: Labels, otherwise: string | undefined): string {
  const label = labels['istio-locality'];
  if (label === undefined || label === '') return otherwise ?? '';
  // Labels cannot hold slashes; a value that does is already in its final form.
  return label.includes('/') ? label : label.replaceAll('.', '/');
}

/** `region/zone/subzone` without trailing empty parts. */
export function joinLocality(region: string, zone: string, subZone: string): string {
  return `${region}/${zone}/${subZone}`.replace(/\/+$/, '');
}

/** Where an endpoint or proxy is. */
export interface Place {
  readonly locality: string;
  readonly clusterId: string;
  readonly nodeName?: string;
  readonly network?: string;
}

/** Labels with the topology that Istio adds to every endpoint and proxy; a network already set stays. */
export function withTopologyLabels(labels: Labels, place: Place): Labels {
  const [region, zone, subZone] = place.locality.split('/');
  const added: Record<string, string> = { ...labels };
  if (region) added['topology.kubernetes.io/region'] = region;
  if (zone) added['topology.kubernetes.io/zone'] = zone;
  if (subZone) added['topology.istio.io/subzone'] = subZone;
  if (place.clusterId !== '') added['topology.istio.io/cluster'] = place.clusterId;
  if (place.nodeName !== undefined) added['kubernetes.io/hostname'] = place.nodeName;
  if (place.network) added['topology.istio.io/network'] ??= place.network;
  return added;
}
