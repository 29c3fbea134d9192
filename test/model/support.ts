import type { Model, ModelOptions } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import type { Service } from '../../src/model/service';

/** The model of a text of manifests; throws the first thing wrong with it. */
export function modelOf(text: string, options?: ModelOptions): Model {
  const { resources, errors } = parseManifests(text, 'app.yaml');
  if (errors.length > 0) throw errors[0];
  return buildModel(resources, options);
}

/** The one service of a host. */
export function serviceOf(model: Model, host: string): Service {
  const [found] = model.servicesByHost.get(host) ?? [];
  if (found === undefined) throw new Error(`no ${host} among ${model.services.map(each => each.hostname).join(', ')}`);
  return found;
}

/** `address:port` of every endpoint of a service port. */
export function addressesOf(model: Model, host: string, portName: string): string[] {
  return model.endpointsOf(serviceOf(model, host), portName).map(endpoint => `${endpoint.address}:${endpoint.port}`);
}

/** A Deployment of one container; `labels` besides `app`. */
export function deployment(name: string, options: { namespace?: string; labels?: string; port?: string; more?: string } = {}): string {
  const { namespace = 'default', labels = '', port = '{containerPort: 8080}', more = '' } = options;
  return `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {matchLabels: {app: ${name}}}
  ${more}
  template:
    metadata: {labels: {app: ${name}${labels}}}
    spec:
      containers: [{name: app, image: app, ports: [${port}]}]
`;
}

/** A Service that selects `app: NAME`. */
export function service(name: string, options: { namespace?: string; ports?: string; more?: string } = {}): string {
  const { namespace = 'default', ports = '{name: http, port: 80, targetPort: 8080}', more = '' } = options;
  return `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}}
spec: {selector: {app: ${name}}, ports: [${ports}]${more}}
`;
}
