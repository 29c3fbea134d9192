import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { PATH_ANNOTATION } from './private/metadata';
import { remoteSecretOf } from './private/remote-secret';

/** Properties for `RemoteSecret`. */
export interface RemoteSecretProps {
  /** Name by which the mesh knows the other cluster; a DNS label. */
  readonly cluster: string;
  /** URL of the other cluster's API server, as this cluster reaches it. */
  readonly server: string;
  /** Certificates of the other cluster's authority, PEM. */
  readonly authority: string;
  /** Token of the service account `istio-reader-service-account` of the other cluster. Keep it out of version control. */
  readonly token: string;
  /**
   * Name in the API server's certificate.
   * @default - that of `server`
   */
  readonly tlsServerName?: string;
  /**
   * Namespace of istiod.
   * @default 'istio-system'
   */
  readonly namespace?: string;
}

/**
 * Lets istiod of this cluster read another one, so that both are one mesh. Renders the Secret that `istioctl create-remote-secret` makes;
 * `cdk8s-mesh create-remote-secret` makes it from the other cluster itself.
 * @example
 * new RemoteSecret(this, 'west', { cluster: 'west', server: 'https://10.1.0.1:6443', authority: process.env.WEST_CA!, token: process.env.WEST_TOKEN! });
 */
export class RemoteSecret extends Construct {
  /** Name of the Secret. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_REMOTE_CLUSTER. */
  public constructor(scope: Construct, id: string, props: RemoteSecretProps) {
    super(scope, id);
    requireProps(this, 'RemoteSecretProps', props);
    const cluster = requireLabel(this, 'cluster', props.cluster, 'give a DNS label');
    if (props.namespace !== undefined) requireLabel(this, 'namespace', props.namespace, 'give the name of a namespace');
    if (!/^https:\/\/[^\s/?#]+\/?$/.test(props.server)) {
      throw meshError(this, 'MESH_REMOTE_CLUSTER', `server must be the URL of an API server such as https://10.1.0.1:6443, got "${props.server}"; correct it`);
    }
    if (!props.authority.includes('-----BEGIN CERTIFICATE-----')) {
      throw meshError(this, 'MESH_REMOTE_CLUSTER', `authority must be certificates in PEM, got ${props.authority.length} other characters; give those of the cluster's authority`);
    }
    if (props.token.trim() === '') throw meshError(this, 'MESH_REMOTE_CLUSTER', 'token must be that of a service account, got none; give the one of istio-reader-service-account');
    const { metadata, ...secret } = remoteSecretOf(cluster, props);
    this.name = metadata.name;
    const annotations = { [PATH_ANNOTATION]: this.node.path, ...metadata.annotations };
    new ApiObject(this, 'Resource', { ...secret, metadata: { ...metadata, annotations } });
  }
}

guarded('RemoteSecret', RemoteSecret);
