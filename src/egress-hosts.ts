import type { IConstruct } from 'constructs';
import type { ExternalService } from './external-service';
import type { MeshService } from './mesh-service';
import { guarded } from './private/arguments';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { serviceHost } from './private/host';
import { requireHosts } from './private/hosts';

/** Hosts that a proxy learns of, for `SidecarScope.egress`. Renders one or more `egress[].hosts[]`. */
export class EgressHosts {
  /** Every host that the mesh exports to the scope's namespace. */
  public static all(): EgressHosts { return new EgressHosts(() => ['*/*']); }
  /** Every host of the scope's own namespace. */
  public static ownNamespace(): EgressHosts { return new EgressHosts(() => ['./*']); }
  /** Every host that a namespace exports. Throws MESH_NAME_INVALID. */
  public static namespace(name: string): EgressHosts {
    requireLabel(undefined, 'a namespace of EgressHosts', name, 'give the name of a namespace');
    return new EgressHosts(() => [`${name}/*`]);
  }
  /** One service. It must have a namespace. Throws MESH_NAMESPACE_MISSING. */
  public static service(service: MeshService): EgressHosts {
    return new EgressHosts((scope) => [`${namespaceOf(scope, service)}/${serviceHost(service, service.name, service.namespace, '')}`]);
  }
  /** The hosts of an external service. */
  public static externalService(external: ExternalService): EgressHosts {
    return new EgressHosts(() => external.hosts.map((host) => `*/${host}`));
  }
  /**
   * Hosts by name, `*.` allowed in front, from whichever namespace they are exported.
   * Throws MESH_HOST_INVALID, MESH_HOST_DUPLICATE, MESH_HOST_MISSING.
   */
  public static named(...hosts: string[]): EgressHosts {
    requireHosts(undefined, hosts);
    return new EgressHosts(() => hosts.map((host) => `*/${host}`));
  }

  private constructor(private readonly render: (scope: IConstruct) => string[]) {}

  /** @internal */
  public _toKube(scope: IConstruct): string[] { return this.render(scope); }
}

guarded('EgressHosts', EgressHosts);

function namespaceOf(scope: IConstruct, service: MeshService): string {
  if (service.namespace === undefined) {
    throw meshError(scope, 'MESH_NAMESPACE_MISSING', `a service in a scope must have a namespace, got none for ${service.node.path}; set namespace, or that of its chart`);
  }
  return service.namespace;
}
