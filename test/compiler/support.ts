import { toJson } from '@bufbuild/protobuf';
import type { CompiledProxy } from '../../src/compiler/compiled-proxy';
import { createCompiler } from '../../src/compiler/compiler';
import type { Compiler } from '../../src/compiler/compiler';
import { findWorkload } from '../../src/model/find-workload';
import { buildModel } from '../../src/model/model';
import type { Model } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import { proxyOf } from '../../src/model/proxy';
import type { ProxyOptions } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

/** Two services with two versions of the second, and a client. */
export const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, clusterIP: 10.96.1.1, ports: [{ name: http, port: 8000, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: stock, namespace: shop }
spec:
  selector: { app: stock }
  clusterIP: 10.96.1.2
  ports: [{ name: http, port: 8000, targetPort: 8080 }, { name: tcp-db, port: 5432 }, { name: any, port: 9000 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec: { template: { metadata: { labels: { app: cart } }, spec: { containers: [{ name: app, image: x, ports: [{ containerPort: 8080 }] }] } } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: stock-v1, namespace: shop }
spec: { template: { metadata: { labels: { app: stock, version: v1 } }, spec: { containers: [{ name: app, image: x, ports: [{ containerPort: 8080 }] }] } } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: stock-v2, namespace: shop }
spec: { template: { metadata: { labels: { app: stock, version: v2 } }, spec: { containers: [{ name: app, image: x, ports: [{ containerPort: 8080 }] }] } } }
`;

export function resourcesOfYaml(...texts: string[]): readonly Resource[] {
  return texts.flatMap((text) => {
    const { resources, errors } = parseManifests(text);
    if (errors.length > 0) throw errors[0];
    return resources;
  });
}

export const modelOf = (...texts: string[]): Model => buildModel(resourcesOfYaml(...texts));

export function compile(model: Model, workload: string, options: ProxyOptions = {}, compiler: Compiler = createCompiler(model)): CompiledProxy {
  return compiler.compile(proxyOf(model, findWorkload(model, workload), options));
}

interface RoutesJson { virtualHosts: { name: string; domains: string[]; routes: Record<string, any>[] }[] }

/** JSON of one route configuration. */
export function routesJson(compiled: CompiledProxy, name: string): RoutesJson {
  const found = compiled.routes.find(routes => routes.name === name);
  if (found === undefined) throw new Error(`no route configuration ${name} among ${compiled.routes.map(routes => routes.name).join(', ')}`);
  return toJson(RouteConfigurationSchema, found, { registry }) as any;
}

/** JSON of the routes of one virtual host. */
export function routesOfHost(compiled: CompiledProxy, name: string, host: string): Record<string, any>[] {
  const found = routesJson(compiled, name).virtualHosts.find(virtualHost => virtualHost.name === host);
  if (found === undefined) throw new Error(`no virtual host ${host}`);
  return found.routes;
}

/** JSON of one listener. */
export function listenerJson(compiled: CompiledProxy, name: string): any {
  const found = compiled.listeners.find(listener => listener.name === name);
  if (found === undefined) throw new Error(`no listener ${name} among ${compiled.listeners.map(listener => listener.name).join(', ')}`);
  return toJson(ListenerSchema, found, { registry });
}

/** JSON of one cluster. */
export function clusterJson(compiled: CompiledProxy, name: string): any {
  const found = compiled.clusters.find(cluster => cluster.name === name);
  if (found === undefined) throw new Error(`no cluster ${name} among ${compiled.clusters.map(cluster => cluster.name).join(', ')}`);
  return toJson(ClusterSchema, found, { registry });
}
