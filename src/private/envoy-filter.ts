import type { Construct } from 'constructs';
import { ownedMetadata } from './metadata';
import { policySubject } from './policy';
import { networking } from '../../imports';
import type { IPolicyTarget } from '../policy-target';

/** Read by analysis, which proves it: in how many places of each proxy each patch takes hold. */
const EXPECT_MATCHES = 'cdk8s-mesh.dev/expect-matches';

/** What an EnvoyFilter is made of. */
export interface EnvoyFilterParts {
  readonly name: string;
  readonly target?: IPolicyTarget;
  readonly namespace?: string;
  readonly priority?: number;
  readonly patches: networking.EnvoyFilterSpecConfigPatches[];
  /** One entry for each patch: a number, or `"N+"` for at least so many. */
  readonly expect: (number | string)[];
}

export function envoyFilter(owner: Construct, { name, target, namespace, priority, patches, expect }: EnvoyFilterParts): networking.EnvoyFilter {
  const subject = policySubject(owner, target, namespace);
  const metadata = ownedMetadata(owner, name, subject.namespace);
  return new networking.EnvoyFilter(owner, 'EnvoyFilter', {
    metadata: { ...metadata, annotations: { ...metadata.annotations, [EXPECT_MATCHES]: JSON.stringify(expect) } },
    spec: { workloadSelector: subject.selector && { labels: subject.selector.matchLabels }, priority, configPatches: patches },
  });
}

/** A patch that puts an HTTP filter of Envoy's in front of the router, where requests come in. */
export function inboundHttpFilter(name: string, config: Readonly<Record<string, unknown>>): networking.EnvoyFilterSpecConfigPatches {
  return {
    applyTo: networking.EnvoyFilterSpecConfigPatchesApplyTo.HTTP_FILTER,
    match: {
      context: networking.EnvoyFilterSpecConfigPatchesMatchContext.SIDECAR_INBOUND,
      listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'envoy.filters.http.router' } } } },
    },
    patch: { operation: networking.EnvoyFilterSpecConfigPatchesPatchOperation.INSERT_BEFORE, value: { name, typed_config: config } },
  };
}
