/** Pods that run though nothing renders them. */
interface StandIn {
  readonly name: string;
  readonly namespace?: string;
  readonly labels: { readonly [name: string]: string };
  readonly serviceAccountName: string;
  readonly ports: readonly { readonly number: number }[];
}

interface Rendered {
  readonly kind?: string;
  readonly metadata?: { readonly labels?: { readonly [name: string]: string } };
  readonly spec?: { readonly template?: { readonly metadata?: { readonly labels?: { readonly [name: string]: string } } } };
}

/** A Deployment that stands for pods of these labels where no rendered workload has them. */
export function standIn(rendered: readonly unknown[], { name, namespace, labels, serviceAccountName, ports }: StandIn): unknown[] {
  const carries = (own: StandIn['labels'] | undefined) => own !== undefined && Object.entries(labels).every(([key, value]) => own[key] === value);
  if ((rendered as readonly Rendered[]).some(({ kind, metadata, spec }) => carries(kind === 'Pod' ? metadata?.labels : spec?.template?.metadata?.labels))) return [];
  const containers = [{ name, image: 'unknown', ports: ports.map(({ number }) => ({ containerPort: number })) }];
  return [{
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { serviceAccountName, containers } } },
  }];
}
