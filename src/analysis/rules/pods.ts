import { isObject } from '../../model/json';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import type { Context } from './context';

const TEMPLATES: Readonly<Record<string, Path>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

/** Containers of one Pod share its network, so two of them cannot listen on one port. */
export function podRules(context: Context): void {
  for (const [kind, path] of Object.entries(TEMPLATES)) {
    for (const resource of context.model.of(kind)) checkPod(context, resource, path);
  }
}

function checkPod(context: Context, resource: Resource, path: Path): void {
  const spec = path.reduce<unknown>((value, key) => (isObject(value) ? value[String(key)] : undefined), resource.document);
  if (!isObject(spec) || !Array.isArray(spec.containers)) return;
  const owners = new Map<string, string>();
  spec.containers.forEach((container: unknown, index) => {
    if (!isObject(container) || !Array.isArray(container.ports)) return;
    const name = String(container.name ?? `containers[${index}]`);
    container.ports.forEach((port: unknown, at) => {
      if (!isObject(port) || typeof port.containerPort !== 'number') return;
      const key = `${port.containerPort}/${String(port.protocol ?? 'TCP')}`;
      const owner = owners.get(key);
      if (owner === undefined) return void owners.set(key, name);
      context.report(resource, [...path, 'containers', index, 'ports', at, 'containerPort'], {
        code: 'MESH_CONTAINER_PORT_DUPLICATE',
        message: `containers of one Pod share its ports, got ${port.containerPort} in ${owner === name ? `${name} twice` : `${owner} and in ${name}`}`,
        repair: 'give one of them another port',
      });
    });
  });
}
