import { PROXY_ID } from './capture';
import { image } from './context';
import type { Context } from './context';
import { gatewayEnv } from './env';
import { canonicalLabels, commonAnnotations } from './naming';
import { PROXY } from './pod';
import { logArguments } from './sidecar-template';
import type { Data } from './typed';
import { volumeMounts, volumes } from './volumes';
import { objectOf, textOf } from '../model/json';

/** What Istio's template `gateway` lays over a Pod whose container `istio-proxy` is the proxy itself: nothing is captured, nothing is limited. */
export function gatewayTemplate(context: Context): Data {
  const { gateways, global } = context.values;
  return {
    metadata: { labels: canonicalLabels(context), annotations: commonAnnotations(context) },
    spec: {
      securityContext: Object.keys(gateways.securityContext).length > 0 ? gateways.securityContext
        : { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
      containers: [{
        name: PROXY,
        image: image(context, global.proxy.image, textOf(objectOf(context.proxyConfig.image).imageType)),
        ports: [{ containerPort: 15090, protocol: 'TCP', name: 'http-envoy-prom' }],
        args: ['proxy', 'router', '--domain', `$(POD_NAMESPACE).svc.${global.proxy.clusterDomain}`, ...logArguments(context)],
        ...(Object.keys(global.proxy.lifecycle).length > 0 && { lifecycle: global.proxy.lifecycle }),
        securityContext: { runAsUser: PROXY_ID, runAsGroup: PROXY_ID },
        env: gatewayEnv(context),
        ...(global.imagePullPolicy !== '' && { imagePullPolicy: global.imagePullPolicy }),
        readinessProbe: {
          httpGet: { path: '/healthz/ready', port: 15021 },
          initialDelaySeconds: global.proxy.readinessInitialDelaySeconds,
          periodSeconds: global.proxy.readinessPeriodSeconds,
          timeoutSeconds: 3,
          failureThreshold: global.proxy.readinessFailureThreshold,
        },
        volumeMounts: volumeMounts(context, 'gateway'),
      }],
      volumes: volumes(context, 'gateway'),
      ...(global.imagePullSecrets.length > 0 && { imagePullSecrets: global.imagePullSecrets.map(name => ({ name })) }),
    },
  };
}
