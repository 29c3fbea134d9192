import { stringify } from 'yaml';

/** How a control plane of another cluster shows who it is. */
export type RemoteIdentity =
  | { readonly token: string }
  | { readonly plugin: string; readonly configuration: Readonly<Record<string, string>> };

/** A cluster that istiod of another one should read. */
export interface RemoteCluster {
  /** Name by which the mesh knows it. */
  readonly cluster: string;
  /** URL of its API server, as the other cluster reaches it. */
  readonly server: string;
  /** Name in the API server's certificate, where it is not that of the URL. */
  readonly tlsServerName?: string;
  /** Certificates of its authority, PEM in base64. */
  readonly authority: string;
  readonly identity: RemoteIdentity;
  /** Namespace of istiod, in which the secret is looked for. */
  readonly namespace: string;
  /** `remote`: a cluster with workloads; `config`: the one whose configuration counts. */
  readonly type: 'remote' | 'config';
}

/** The Secret by which istiod finds and reads another cluster, as `istioctl create-remote-secret` writes it. */
export function remoteSecret(remote: RemoteCluster): Readonly<Record<string, unknown>> {
  const { cluster, namespace, type } = remote;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      annotations: { 'networking.istio.io/cluster': cluster },
      labels: { 'istio/multiCluster': 'true' },
      name: remoteSecretName(cluster, type),
      namespace,
    },
    stringData: { [type === 'config' ? 'config' : cluster]: kubeconfig(remote) },
  };
}

export function remoteSecretName(cluster: string, type: 'remote' | 'config'): string {
  return type === 'config' ? 'istio-kubeconfig' : `istio-remote-secret-${cluster}`;
}

function kubeconfig({ cluster, server, tlsServerName, authority, identity }: RemoteCluster): string {
  const user = 'token' in identity ? { token: identity.token }
    : { 'auth-provider': { config: identity.configuration, name: identity.plugin } };
  return stringify({
    'apiVersion': 'v1',
    'clusters': [{
      cluster: { 'certificate-authority-data': authority, server, ...tlsServerName !== undefined && { 'tls-server-name': tlsServerName } },
      name: cluster,
    }],
    'contexts': [{ context: { cluster, user: cluster }, name: cluster }],
    'current-context': cluster,
    'kind': 'Config',
    'users': [{ name: cluster, user }],
  }, { lineWidth: 0, indentSeq: false });
}
