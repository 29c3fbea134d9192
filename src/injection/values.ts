import { isObject } from '../model/json';
import type { Json } from '../model/json';

/** Requests and limits of a container. */
export interface Resources {
  readonly requests?: Readonly<Record<string, string | number | null>>;
  readonly limits?: Readonly<Record<string, string | number | null>>;
}

/** The part of the values of Istio's Helm chart `istiod` that the injector reads, under the chart's own names. */
export interface Values {
  readonly revision: string;
  readonly pilot: { readonly cni: { readonly enabled: boolean; readonly provider: string } };
  readonly sidecarInjectorWebhook: { readonly rewriteAppHTTPProbe: boolean };
  readonly gateways: { readonly securityContext: Json };
  readonly global: {
    readonly hub: string;
    readonly tag: string | number;
    readonly variant: string;
    readonly istioNamespace: string;
    readonly caAddress: string;
    readonly caName: string;
    readonly imagePullPolicy: string;
    readonly imagePullSecrets: readonly string[];
    readonly logAsJson: boolean;
    readonly logging: { readonly level: string };
    readonly meshID: string;
    readonly mountMtlsCerts: boolean;
    readonly multiCluster: { readonly clusterName: string };
    readonly nativeNftables: boolean;
    readonly network: string;
    readonly pilotCertProvider: string;
    readonly sds: { readonly token: { readonly aud: string } };
    readonly sts: { readonly servicePort: number };
    readonly trustBundleName: string;
    readonly trustDomain: string;
    readonly proxy: {
      readonly capNetBindService?: boolean | string;
      readonly clusterDomain: string;
      readonly componentLogLevel: string;
      readonly excludeIPRanges: string;
      readonly excludeInboundPorts: string;
      readonly excludeOutboundPorts: string;
      readonly holdApplicationUntilProxyStarts: boolean;
      readonly image: string;
      readonly includeIPRanges: string;
      readonly includeInboundPorts: string;
      readonly includeOutboundPorts: string;
      readonly lifecycle: Json;
      readonly logLevel: string;
      readonly outlierLogPath: string;
      readonly privileged: boolean;
      readonly readinessFailureThreshold: number;
      readonly readinessInitialDelaySeconds: number;
      readonly readinessPeriodSeconds: number;
      readonly resources: Resources;
      readonly seccompProfile: Json;
      readonly startupProbe: { readonly enabled: boolean; readonly failureThreshold: number };
      readonly statusPort: number;
      readonly tracer: string;
    };
    readonly proxy_init: { readonly forceApplyIptables: boolean; readonly image: string };
  };
}

/** What Istio's default profile sets. */
export const DEFAULT_VALUES: Values = {
  revision: '',
  pilot: { cni: { enabled: false, provider: 'default' } },
  sidecarInjectorWebhook: { rewriteAppHTTPProbe: true },
  gateways: { securityContext: {} },
  global: {
    hub: 'docker.io/istio',
    tag: '1.31.1',
    variant: '',
    istioNamespace: 'istio-system',
    caAddress: '',
    caName: '',
    imagePullPolicy: '',
    imagePullSecrets: [],
    logAsJson: false,
    logging: { level: 'default:info' },
    meshID: '',
    mountMtlsCerts: false,
    multiCluster: { clusterName: '' },
    nativeNftables: false,
    network: '',
    pilotCertProvider: 'istiod',
    sds: { token: { aud: 'istio-ca' } },
    sts: { servicePort: 0 },
    trustBundleName: '',
    trustDomain: '',
    proxy: {
      clusterDomain: 'cluster.local',
      componentLogLevel: 'misc:error',
      excludeIPRanges: '',
      excludeInboundPorts: '',
      excludeOutboundPorts: '',
      holdApplicationUntilProxyStarts: false,
      image: 'proxyv2',
      includeIPRanges: '*',
      includeInboundPorts: '*',
      includeOutboundPorts: '',
      lifecycle: {},
      logLevel: 'warning',
      outlierLogPath: '',
      privileged: false,
      readinessFailureThreshold: 4,
      readinessInitialDelaySeconds: 0,
      readinessPeriodSeconds: 15,
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2000m', memory: '1024Mi' } },
      seccompProfile: {},
      startupProbe: { enabled: true, failureThreshold: 600 },
      statusPort: 15020,
      tracer: 'none',
    },
    proxy_init: { forceApplyIptables: false, image: 'proxyv2' },
  },
};

/** Values given, over those of the default profile: objects are joined, anything else is replaced; null takes a value away. */
export function valuesOf(given: Json = {}): Values {
  return joined(DEFAULT_VALUES as unknown as Json, given) as unknown as Values;
}

function joined(base: Json, over: Json): Json {
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const known = out[key];
    out[key] = isObject(known) && isObject(value) ? joined(known, value) : value;
  }
  return out;
}
