import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';

/** Bookinfo under one file of its tour, with a gateway to run on. */
export interface BookinfoTask {
  /** Name of the file in `networking/`, without its ending. */
  readonly name: string;
  readonly resources: readonly Resource[];
}

/**
 * Bookinfo as Istio publishes it: the application, its gateway and subsets, with each file of `networking/` in turn. Files that
 * define the subsets themselves stand in their place.
 */
export function bookinfoTasks(samples: string): BookinfoTask[] {
  const read = (file: string): Resource[] => {
    const path = join(samples, 'bookinfo', file);
    const { resources, errors } = parseManifests(readFileSync(path, 'utf8'), path);
    if (errors.length > 0) throw errors[0];
    return resources;
  };
  const base = [...read('platform/kube/bookinfo.yaml'), ...read('networking/bookinfo-gateway.yaml')];
  const subsets = read('networking/destination-rule-all.yaml');
  return readdirSync(join(samples, 'bookinfo/networking')).filter(file => file.endsWith('.yaml')).sort().map(file => {
    const own = file === 'bookinfo-gateway.yaml' || file === 'destination-rule-all.yaml' ? [] : read(`networking/${file}`);
    const resources = [...base, ...file.startsWith('destination-rule') && own.length > 0 ? own : [...subsets, ...own]];
    return { name: file.replace(/\.yaml$/, ''), resources: withGatewayWorkloads(resources).resources };
  });
}
