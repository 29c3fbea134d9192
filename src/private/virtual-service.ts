import { Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import { ownedMetadata } from './metadata';
import type { RouteSet } from './route-set';
import { networking } from '../../imports';

/** What a VirtualService is made of. */
export interface VirtualServiceParts {
  readonly name: string;
  readonly namespace?: string;
  readonly hosts: string[];
  readonly gateways?: string[];
  readonly exportTo?: string[];
  readonly routes: RouteSet;
}

/** The VirtualService of some hosts; its rules are put together when it is rendered, as more may be added until then. */
export function virtualService(owner: Construct, id: string, parts: VirtualServiceParts): networking.VirtualService {
  const { name, namespace, hosts, gateways, exportTo, routes } = parts;
  return new networking.VirtualService(owner, id, {
    metadata: ownedMetadata(owner, name, namespace),
    spec: Lazy.any({ produce: (): networking.VirtualServiceSpec => ({ hosts, gateways, exportTo, ...routes.render() }) }),
  });
}
