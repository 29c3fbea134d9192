import { remoteSecret } from '../model/remote-secret';

/** A Secret, as far as its construct looks into it. */
export interface RenderedSecret {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations: { [name: string]: string } };
}

interface Credentials {
  readonly server: string;
  readonly tlsServerName?: string;
  readonly authority: string;
  readonly token: string;
  readonly namespace?: string;
}

/** The Secret of a construct. */
export function remoteSecretOf(cluster: string, { server, tlsServerName, authority, token, namespace = 'istio-system' }: Credentials): RenderedSecret {
  return remoteSecret({
    cluster, server, tlsServerName, namespace, authority: Buffer.from(authority).toString('base64'), identity: { token }, type: 'remote',
  }) as unknown as RenderedSecret;
}
