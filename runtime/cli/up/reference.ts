import type { DataPlane } from './data-plane';
import { unenforced } from './unenforced';
import { MeshError } from '../../../src/model/error';
import { objectOf, objectsOf, textOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import type { Resource } from '../../../src/model/resource';
import { resourceName, whereOf } from '../../../src/model/resource';
import { startProxy } from '../../proxy';

/** Runs the reference proxy, all of them in this process. */
export function referenceDataPlane(): DataPlane {
  return {
    name: 'reference',
    // It speaks no TLS yet; without this, sidecars would be told to use mutual TLS among themselves.
    meshConfig: { enableAutoMtls: false },
    refusals: model => [...needsTls(model), ...unenforced(model)],
    start: async ({ proxy, admin, xds, onAccessLine }) => startProxy({
      node: { id: proxy.id, cluster: `${proxy.workload}.${proxy.namespace}`, metadata: proxy.metadata }, xds, admin, accessLog: onAccessLine,
    }),
  };
}

const REPAIR = 'use --data-plane envoy';

/** Whatever asks for TLS between proxies, or at a gateway. */
function needsTls(model: Model): MeshError[] {
  const errors: MeshError[] = [];
  const refuse = (resource: Resource, path: readonly (string | number)[], what: string) => errors.push(new MeshError('MESH_TLS_UNSUPPORTED',
    `the reference proxy speaks no TLS yet, got ${resourceName(resource)} with ${what}; ${REPAIR}`, whereOf(resource, path)));
  for (const resource of model.of('PeerAuthentication')) {
    if (objectOf(resource.spec.mtls).mode === 'STRICT') refuse(resource, ['spec', 'mtls', 'mode'], 'mode STRICT');
  }
  for (const resource of model.of('DestinationRule')) {
    const policies: [readonly (string | number)[], unknown][] = [
      [['spec', 'trafficPolicy'], resource.spec.trafficPolicy],
      ...objectsOf(objectOf(resource.spec.trafficPolicy).portLevelSettings).map((setting, at) => [['spec', 'trafficPolicy', 'portLevelSettings', at], setting] as [(string | number)[], unknown]),
      ...objectsOf(resource.spec.subsets).map((subset, at) => [['spec', 'subsets', at, 'trafficPolicy'], subset.trafficPolicy] as [(string | number)[], unknown]),
    ];
    for (const [path, policy] of policies) {
      const mode = textOf(objectOf(objectOf(policy).tls).mode);
      if (mode !== undefined && mode !== 'DISABLE') refuse(resource, [...path, 'tls', 'mode'], `tls mode ${mode}`);
    }
  }
  for (const resource of model.of('Gateway')) {
    objectsOf(resource.spec.servers).forEach((server, at) => {
      const { mode, httpsRedirect } = objectOf(server.tls);
      if (server.tls !== undefined && httpsRedirect !== true && textOf(mode) !== undefined) refuse(resource, ['spec', 'servers', at, 'tls'], `a server with tls mode ${textOf(mode)}`);
    });
  }
  return errors;
}
