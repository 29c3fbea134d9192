import type { Model } from '../../model/model';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { PeerAuthenticationSpec } from '../istio-api';

/** Mutual TLS mode of an inbound port. */
export type MtlsMode = 'STRICT' | 'PERMISSIVE' | 'DISABLE';

type Policy = Resource<PeerAuthenticationSpec>;

/** PeerAuthentication of workloads and namespaces (istio-behaviour G1). */
export class PeerAuthentications {
  private readonly byNamespace = new Map<string, Policy[]>();
  private readonly root: string;

  public constructor(model: Model) {
    this.root = model.config.rootNamespace;
    for (const resource of model.of('PeerAuthentication')) {
      const list = this.byNamespace.get(resource.metadata.namespace) ?? [];
      list.push(resource as unknown as Policy);
      this.byNamespace.set(resource.metadata.namespace, list);
    }
  }

  /** Mode of a namespace, without workload policies. */
  public ofNamespace(namespace: string): MtlsMode {
    return modeOf(this.plain(namespace)?.spec.mtls) ?? modeOf(this.plain(this.root)?.spec.mtls) ?? 'PERMISSIVE';
  }

  /** Mode of a workload, or of one of its target ports. */
  public ofWorkload(namespace: string, labels: Readonly<Record<string, string>>, targetPort?: number): MtlsMode {
    const policy = this.selecting(namespace, labels);
    const ofPolicy = modeOf(policy?.spec.mtls) ?? this.ofNamespace(namespace);
    if (policy === undefined || targetPort === undefined) return ofPolicy;
    return modeOf(policy.spec.portLevelMtls?.[String(targetPort)]) ?? ofPolicy;
  }

  /** Target ports for which a workload's policy has an entry. */
  public portsOf(namespace: string, labels: Readonly<Record<string, string>>): readonly number[] {
    return Object.keys(this.selecting(namespace, labels)?.spec.portLevelMtls ?? {}).map(Number).sort((a, b) => a - b);
  }

  private selecting(namespace: string, labels: Readonly<Record<string, string>>): Policy | undefined {
    // Selectors in the root namespace are ignored: they would reach into every namespace.
    if (namespace === this.root) return undefined;
    return this.byNamespace.get(namespace)?.find(policy => hasSelector(policy) && selects(policy.spec.selector?.matchLabels ?? {}, labels));
  }

  private plain(namespace: string): Policy | undefined {
    return this.byNamespace.get(namespace)?.find(policy => !hasSelector(policy));
  }
}

const hasSelector = (policy: Policy): boolean => Object.keys(policy.spec.selector?.matchLabels ?? {}).length > 0;

function modeOf(mtls: { readonly mode?: string } | undefined): MtlsMode | undefined {
  const mode = mtls?.mode;
  return mode === 'STRICT' || mode === 'PERMISSIVE' || mode === 'DISABLE' ? mode : undefined;
}
