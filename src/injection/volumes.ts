import { annotation } from './context';
import type { Context } from './context';
import { annotationsOf } from './pod';
import type { Data } from './typed';

const GKE = 'GkeWorkloadCertificate';

/** Templates that mount the proxy's volumes. */
type Template = 'sidecar' | 'gateway' | 'grpc-agent';

/** Where the proxy's volumes are mounted. A sidecar has the revocation list and the volumes of users as well. */
export function volumeMounts(context: Context, template: Template): Data[] {
  const { global } = context.values;
  const sidecar = template === 'sidecar';
  const grpc = template === 'grpc-agent';
  return [
    mount('workload-socket', '/var/run/secrets/workload-spiffe-uds'),
    ...(grpc ? [] : [mount('credential-socket', '/var/run/secrets/credential-uds')]),
    global.caName === GKE
      ? { ...mount('gke-workload-certificate', '/var/run/secrets/workload-spiffe-credentials'), readOnly: true }
      : mount('workload-certs', '/var/run/secrets/workload-spiffe-credentials'),
    ...(global.pilotCertProvider === 'istiod' ? [mount('istiod-ca-cert', '/var/run/secrets/istio'), ...(sidecar ? [mount('istio-ca-crl', '/var/run/secrets/istio/crl')] : [])] : []),
    mount('istio-data', '/var/lib/istio/data'),
    ...(overridesBootstrap(context) && !grpc ? [mount('custom-bootstrap-volume', '/etc/istio/custom-bootstrap')] : []),
    mount(grpc ? 'istio-xds' : 'istio-envoy', '/etc/istio/proxy'),
    mount('istio-token', '/var/run/secrets/tokens'),
    ...(global.mountMtlsCerts ? [{ ...mount('istio-certs', '/etc/certs/'), readOnly: true }] : []),
    mount('istio-podinfo', '/etc/istio/pod'),
    ...(template === 'gateway' ? [] : named(context, 'sidecar.istio.io/userVolumeMount')),
  ];
}

/** The volumes themselves. */
export function volumes(context: Context, template: Template): Data[] {
  const { global } = context.values;
  const sidecar = template === 'sidecar';
  const grpc = template === 'grpc-agent';
  // Istio's template leaves these to what the Pod brings; an empty volume is not written out.
  const left = (name: string): Data => ({ name, emptyDir: null });
  const empty = (name: string): Data => ({ name, emptyDir: {} });
  return [
    left('workload-socket'),
    ...(grpc ? [] : [sidecar ? left('credential-socket') : empty('credential-socket')]),
    global.caName === GKE
      ? { name: 'gke-workload-certificate', csi: { driver: 'workloadcertificates.security.cloud.google.com' } }
      : template === 'gateway' ? empty('workload-certs') : left('workload-certs'),
    ...(overridesBootstrap(context) ? [{ name: 'custom-bootstrap-volume', configMap: { name: annotation(context, 'sidecar.istio.io/bootstrapOverride', '') } }] : []),
    { name: grpc ? 'istio-xds' : 'istio-envoy', emptyDir: { medium: 'Memory' } },
    empty('istio-data'),
    {
      name: 'istio-podinfo',
      downwardAPI: {
        items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } }],
      },
    },
    { name: 'istio-token', projected: { sources: [{ serviceAccountToken: { path: 'istio-token', expirationSeconds: 43200, audience: global.sds.token.aud } }] } },
    ...(global.pilotCertProvider === 'istiod' ? [{ name: 'istiod-ca-cert', configMap: { name: global.trustBundleName || 'istio-ca-root-cert' } }] : []),
    ...(sidecar ? [{ name: 'istio-ca-crl', configMap: { name: 'istio-ca-crl', optional: true } }] : []),
    ...(global.mountMtlsCerts ? [{ name: 'istio-certs', secret: { optional: true, secretName: `istio.${context.pod.spec.serviceAccountName || 'default'}` } }] : []),
    ...(template === 'gateway' ? [] : named(context, 'sidecar.istio.io/userVolume')),
  ];
}

function overridesBootstrap({ pod }: Context): boolean {
  return annotationsOf(pod)['sidecar.istio.io/bootstrapOverride'] !== undefined;
}

/** Volumes or mounts that a Pod asks for by an annotation: a JSON object of name and definition, or a list of definitions; a name of their own wins. */
function named(context: Context, name: string): Data[] {
  const given = JSON.parse(annotation(context, name, '{}')) as Record<string, Data> | readonly Data[];
  if (Array.isArray(given)) return [...given as readonly Data[]];
  return Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => ({ name: key, ...each as Data }));
}

function mount(name: string, mountPath: string): Data {
  return { name, mountPath };
}
