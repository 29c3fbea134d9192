import { Construct } from 'constructs';
import { networking } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireInteger, requireLabel } from './private/check';
import { envoyFilter } from './private/envoy-filter';
import { meshError } from './private/errors';

/** What a patch is applied to. Istio's `applyTo`. */
export enum PatchTarget {
  /** A listener. */
  LISTENER = 'LISTENER',
  /** A filter chain of a listener. */
  FILTER_CHAIN = 'FILTER_CHAIN',
  /** A listener filter, e.g. the TLS inspector. */
  LISTENER_FILTER = 'LISTENER_FILTER',
  /** A network filter, e.g. the HTTP connection manager. */
  NETWORK_FILTER = 'NETWORK_FILTER',
  /** A filter of an HTTP connection manager. */
  HTTP_FILTER = 'HTTP_FILTER',
  /** A table of routes. */
  ROUTE_CONFIGURATION = 'ROUTE_CONFIGURATION',
  /** A virtual host of a table of routes. */
  VIRTUAL_HOST = 'VIRTUAL_HOST',
  /** A route of a virtual host. */
  HTTP_ROUTE = 'HTTP_ROUTE',
  /** A cluster. */
  CLUSTER = 'CLUSTER',
}

/** Which part of a proxy is patched. Istio's `match.context`. */
export enum PatchContext {
  /** Everything. */
  ANY = 'ANY',
  /** What comes in to a workload. */
  SIDECAR_INBOUND = 'SIDECAR_INBOUND',
  /** What a workload sends. */
  SIDECAR_OUTBOUND = 'SIDECAR_OUTBOUND',
  /** Gateways. */
  GATEWAY = 'GATEWAY',
}

/** What a patch does. Istio's `patch.operation`. */
export enum PatchOperation {
  /** Merge the value into what is there. */
  MERGE = 'MERGE',
  /** Add the value to the list. */
  ADD = 'ADD',
  /** Take away what is matched. */
  REMOVE = 'REMOVE',
  /** Put the value before what is matched, or first. */
  INSERT_BEFORE = 'INSERT_BEFORE',
  /** Put the value after what is matched, or last. */
  INSERT_AFTER = 'INSERT_AFTER',
  /** Put the value first. */
  INSERT_FIRST = 'INSERT_FIRST',
  /** Put the value in the place of what is matched. */
  REPLACE = 'REPLACE',
}

/** Properties for `EnvoyPatch`. */
export interface EnvoyPatchProps {
  /** What is patched. Renders `applyTo`. */
  readonly applyTo: PatchTarget;
  /** What is done. Renders `patch.operation`. */
  readonly operation: PatchOperation;
  /**
   * How many places the patch must take hold in, in each proxy: synthesis fails where it finds more or fewer. 0 is for what may not be there.
   * A proxy has a place for each of its listeners, chains, routes and so on that match; `cdk8s-mesh compile --proxy` shows them.
   */
  readonly expectMatches: number;
  /**
   * Whether more places than `expectMatches` are fine too.
   * @default false
   */
  readonly orMore?: boolean;
  /**
   * Envoy's own configuration, in JSON. Renders `patch.value`.
   * @default - none, which only PatchOperation.REMOVE takes
   */
  readonly value?: any;
  /**
   * What is matched: an object with `listener`, `routeConfiguration` or `cluster` as Istio's EnvoyFilter has them.
   * @default - everything that `applyTo` names
   */
  readonly match?: { [part: string]: any };
  /**
   * Part of the proxy.
   * @default PatchContext.ANY
   */
  readonly context?: PatchContext;
  /**
   * Whose proxies.
   * @default - all of the namespace
   */
  readonly service?: IPolicyTarget;
  /**
   * Order among EnvoyFilters: lower numbers first, negative ones before Istio's default of 0.
   * @default 0
   */
  readonly priority?: number;
  /**
   * Name of the EnvoyFilter.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the EnvoyFilter.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * A change to what Istio tells proxies, for what no resource of Istio says. Istio applies such patches without a word where they match nothing;
 * here the number of places is part of the code, and a `Mesh` proves it at synthesis. Renders one EnvoyFilter.
 * @example
 * new EnvoyPatch(this, 'no-server-header', {
 *   service: reviews,
 *   applyTo: PatchTarget.NETWORK_FILTER,
 *   context: PatchContext.SIDECAR_INBOUND,
 *   match: { listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } },
 *   operation: PatchOperation.MERGE,
 *   value: { typed_config: {
 *     '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
 *     'server_header_transformation': 'PASS_THROUGH',
 *   } },
 *   expectMatches: 2,
 * });
 */
export class EnvoyPatch extends Construct {
  /** Name of the EnvoyFilter. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_PATCH_INVALID, MESH_PRIORITY_RANGE. */
  public constructor(scope: Construct, id: string, props: EnvoyPatchProps) {
    super(scope, id);
    requireProps(this, 'EnvoyPatchProps', props);
    this.name = requireLabel(this, 'the name of an EnvoyFilter', props.name ?? id, 'choose another construct id or set name');
    const removes = props.operation === PatchOperation.REMOVE;
    if (removes !== (props.value === undefined)) {
      throw meshError(this, 'MESH_PATCH_INVALID', `value must be set unless the operation is REMOVE, got ${removes ? 'one for' : 'none for'} ${props.operation}; set it, or choose REMOVE without it`);
    }
    if (props.priority !== undefined) requireInteger(this, 'MESH_PRIORITY_RANGE', 'priority', props.priority, -2147483648, 2147483647);
    const places = requireInteger(this, 'MESH_PATCH_INVALID', 'expectMatches', props.expectMatches, 0, 1_000_000);
    this.node.defaultChild = envoyFilter(this, {
      name: this.name,
      target: props.service,
      namespace: props.namespace,
      priority: props.priority,
      patches: [{
        applyTo: props.applyTo as string as networking.EnvoyFilterSpecConfigPatchesApplyTo,
        match: { ...props.match, context: (props.context ?? PatchContext.ANY) as string as networking.EnvoyFilterSpecConfigPatchesMatchContext },
        patch: { operation: props.operation as string as networking.EnvoyFilterSpecConfigPatchesPatchOperation, value: props.value },
      }],
      expect: [props.orMore === true ? `${places}+` : places],
    });
  }
}

guarded('EnvoyPatch', EnvoyPatch);
