import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { ApiServer } from './api-server';
import type { Manifest } from './api-server';

const SERVED_MS = 60_000;

/** A real API server with Istio's kinds, those of Argo Rollouts where its CRDs are given, and namespaces that enforce the restricted pod security standard. */
export class IstioCluster {
  public static async start(paths: Readonly<Record<string, string>>): Promise<IstioCluster> {
    const server = await ApiServer.start({ apiServer: paths['kube-apiserver']!, etcd: paths.etcd! });
    const files = ['istio-crds', 'argo-crds'].map(part => paths[part]).filter(file => file !== undefined);
    const crds = files.flatMap(file => parseAllDocuments(readFileSync(file, 'utf8')).map(document => document.toJS() as CustomResource));
    for (const crd of crds) await server.apply(crd);
    await Promise.all(crds.map(async crd => served(server, crd)));
    return new IstioCluster(server);
  }

  private constructor(public readonly server: ApiServer) {}

  public async stop(): Promise<void> {
    await this.server.stop();
  }

  /** What the API server has against manifests, whose namespaces are made first: refusals, unknown fields, and warnings of the restricted standard. */
  public async complaints(manifests: readonly Manifest[]): Promise<string[]> {
    const namespaces = new Set(manifests.map(({ metadata }) => metadata.namespace ?? 'default'));
    const found: string[] = [];
    for (const manifest of [...[...namespaces].map(namespace), ...manifests]) {
      const { status, body, warnings } = await this.server.apply(manifest);
      const where = `${manifest.kind}/${manifest.metadata.name}`;
      if (status !== 200 && status !== 201) found.push(`${where}: ${status} ${body.message}`);
      found.push(...warnings.map(warning => `${where}: ${warning}`));
    }
    return found;
  }
}

interface CustomResource extends Manifest {
  readonly spec: {
    readonly group: string;
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
    readonly names: { readonly kind: string };
  };
}

/** Until the kind can be applied. */
async function served(server: ApiServer, { spec: { group, versions, names } }: CustomResource): Promise<void> {
  for (const { name } of versions.filter(version => version.served)) {
    for (const end = Date.now() + SERVED_MS; ;) {
      const { body } = await server.get(`/apis/${group}/${name}`);
      if (body.resources?.some(({ kind }) => kind === names.kind) === true) break;
      if (Date.now() > end) throw new Error(`${group}/${name} ${names.kind} is not served`);
    }
  }
}

function namespace(name: string): Manifest {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } as Manifest['metadata'] };
}
