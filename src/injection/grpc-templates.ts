import { annotation, image, proxyMetadata } from './context';
import type { Context } from './context';
import { grpcAgentEnv } from './env';
import { canonicalLabels, commonAnnotations } from './naming';
import { applicationOf, PROXY } from './pod';
import { proxyResources } from './resources';
import { logArguments, statusProbe } from './sidecar-template';
import type { Data } from './typed';
import { volumeMounts, volumes } from './volumes';
import { objectOf, textOf } from '../model/json';

const BOOTSTRAP_VOLUME = 'grpc-io-proxyless-bootstrap';

/** Writes gRPC's bootstrap file: the address of istiod, and who asks. */
const BOOTSTRAP_SCRIPT = `NODE_ID="sidecar~\${INSTANCE_IP}~\${POD_NAME}.\${POD_NAMESPACE}~cluster.local"
SERVER_URI="dns:///istiod.\${ISTIO_NAMESPACE}.svc:15010"
echo '
{
  "xds_servers": [
    {
      "server_uri": "'\${SERVER_URI}'",
      "channel_creds": [{"type": "insecure"}],
      "server_features" : ["xds_v3"]
    }
  ],
  "node": {
    "id": "'\${NODE_ID}'",
    "metadata": {
      "GENERATOR": "grpc"
    }
  }
}' > /var/lib/grpc/data/bootstrap.json`;

/** Istio's template `grpc-simple`: no proxy; applications that speak gRPC ask istiod themselves, by a bootstrap file. */
export function grpcSimpleTemplate(context: Context): Data {
  const volumeMount = [{ mountPath: '/var/lib/grpc/data/', name: BOOTSTRAP_VOLUME }];
  return {
    metadata: { annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' } },
    spec: {
      initContainers: [{
        name: 'grpc-bootstrap-init',
        image: 'busybox:1.28',
        volumeMounts: volumeMount,
        env: [
          { name: 'INSTANCE_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'ISTIO_NAMESPACE', value: `${context.values.global.istioNamespace}\n` },
        ],
        command: ['sh', '-c', BOOTSTRAP_SCRIPT],
      }],
      containers: (context.pod.spec.containers ?? []).map(({ name }) => ({
        name,
        env: [
          { name: 'GRPC_XDS_BOOTSTRAP', value: '/var/lib/grpc/data/bootstrap.json' },
          { name: 'GRPC_GO_LOG_VERBOSITY_LEVEL', value: '99' },
          { name: 'GRPC_GO_LOG_SEVERITY_LEVEL', value: 'info' },
        ],
        volumeMounts: volumeMount,
      })),
      volumes: [{ name: BOOTSTRAP_VOLUME, emptyDir: {} }],
    },
  };
}

/** Istio's template `grpc-agent`: the agent without Envoy, which fetches certificates and configuration for applications that speak gRPC. */
export function grpcAgentTemplate(context: Context): Data {
  const { global } = context.values;
  const readiness = annotation(context, 'status.sidecar.istio.io/port', global.proxy.statusPort) === '0' ? {} : { readinessProbe: statusProbe(context, 15020) };
  const certificates = global.caName === 'GkeWorkloadCertificate'
    ? { name: 'gke-workload-certificate', mountPath: '/var/run/secrets/workload-spiffe-credentials', readOnly: true }
    : { name: 'workload-certs', mountPath: '/var/run/secrets/workload-spiffe-credentials' };
  return {
    metadata: {
      labels: canonicalLabels(context),
      annotations: { ...commonAnnotations(context), 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' },
    },
    spec: {
      containers: [
        {
          name: PROXY,
          image: image(context, global.proxy.image, textOf(objectOf(context.proxyConfig.image).imageType)),
          ports: [{ containerPort: 15020, protocol: 'TCP', name: 'mesh-metrics' }],
          args: ['proxy', 'sidecar', '--domain', `$(POD_NAMESPACE).svc.${global.proxy.clusterDomain}`, ...logArguments(context)],
          lifecycle: { postStart: { exec: { command: ['pilot-agent', 'wait', '--url=http://localhost:15020/healthz/ready'] } } },
          env: [
            ...grpcAgentEnv(context),
            ...proxyMetadata(context).map(([name, value]) => ({ name, value })),
            // gRPC finds services by xDS, so their names need no DNS.
            { name: 'ISTIO_META_DNS_CAPTURE', value: 'false' },
            { name: 'DISABLE_ENVOY', value: 'true' },
          ],
          ...(global.imagePullPolicy !== '' && { imagePullPolicy: global.imagePullPolicy }),
          ...readiness,
          resources: proxyResources(context.pod, context.values),
          volumeMounts: volumeMounts(context, 'grpc-agent'),
        },
        ...applicationOf(context.pod).map(({ name }) => ({
          name,
          env: [
            { name: 'GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT', value: 'true' },
            { name: 'GRPC_XDS_BOOTSTRAP', value: '/etc/istio/proxy/grpc-bootstrap.json' },
          ],
          volumeMounts: [{ mountPath: '/var/lib/istio/data', name: 'istio-data' }, { mountPath: '/etc/istio/proxy', name: 'istio-xds' }, certificates],
        })),
      ],
      volumes: volumes(context, 'grpc-agent'),
      ...(global.imagePullSecrets.length > 0 && { imagePullSecrets: global.imagePullSecrets.map(name => ({ name })) }),
    },
  };
}
