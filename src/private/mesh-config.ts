import { ApiObject, Lazy, Yaml } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import { requireLabel } from './check';
import { meshError } from './errors';
import { ownedMetadata } from './metadata';

/** Marks a ConfigMap with MeshConfig beside that of the installation, for those who read only YAML. */
export const MESH_CONFIG_LABEL = 'cdk8s-mesh.dev/mesh-config';

/** The MeshConfig that constructs ask for, in a ConfigMap that is rendered with the first of them. */
export class MeshConfigParts {
  private readonly providers = new Map<string, { readonly owner: IConstruct; readonly provider: Record<string, unknown> }>();

  public constructor(private readonly mesh: Construct, private readonly name: string, private readonly namespace: string) {
    requireLabel(mesh, 'meshConfigName', name, 'give the name of a ConfigMap');
    if (name === 'istio') throw meshError(mesh, 'MESH_NAME_INVALID', 'meshConfigName must not be that of the installation\'s own ConfigMap, got "istio"; choose another');
  }

  /** Registers something that resources of Istio name: an authorizer, a log, a collector of spans. The same object may come again. */
  public addProvider(owner: IConstruct, name: string, provider: Record<string, unknown>): void {
    const other = this.providers.get(name);
    if (other?.provider === provider) return;
    if (other !== undefined) {
      throw meshError(owner, 'MESH_PROVIDER_DUPLICATE', `a provider of MeshConfig must have a name of its own, got "${name}", which ${other.owner.node.path} has; choose another id or set name`);
    }
    this.providers.set(name, { owner, provider });
    if (this.providers.size === 1) this.render();
  }

  private render(): void {
    const metadata = ownedMetadata(this.mesh, this.name, this.namespace, { [MESH_CONFIG_LABEL]: 'shared' });
    new ApiObject(this.mesh, 'MeshConfig', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: Lazy.any({ produce: () => ({ mesh: this.text() }) }) });
  }

  private text(): string {
    const sorted = [...this.providers].sort(([a], [b]) => (a < b ? -1 : 1));
    // What is not set would be written as null.
    return Yaml.stringify(JSON.parse(JSON.stringify({ extensionProviders: sorted.map(([name, { provider }]) => ({ name, ...provider })) })));
  }
}
