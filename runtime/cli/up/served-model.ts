import { ACCESS_FORMAT } from './access-format';
import type { DataPlane } from './data-plane';
import type { Place } from './placement';
import { analyze } from '../../../src/analysis';
import type { Finding } from '../../../src/analysis';
import { withGatewayWorkloads } from '../../../src/model/gateway-workloads';
import { keepEqual } from '../../../src/model/keep';
import type { Model } from '../../../src/model/model';
import { buildModel } from '../../../src/model/model';
import { resourceName } from '../../../src/model/resource';
import type { Resource } from '../../../src/model/resource';
import { InputError } from '../../control-plane/sources/source';
import { errorOf, refused } from '../refused';

/** Input with its gateways, checked. */
export interface Checked {
  readonly resources: readonly Resource[];
  /** What was added to the input: the objects of gateways. */
  readonly gateways: readonly Resource[];
  /** Gateway workloads that were added. */
  readonly added: readonly string[];
  /** The model before anything is placed. */
  readonly draft: Model;
  readonly warnings: readonly Finding[];
}

/** Checks input and adds gateways, beginning with what was checked before. Throws an `InputError` with every finding of severity error and every field that is not compiled. */
export function checked(input: readonly Resource[], dataPlane: Pick<DataPlane, 'refusals'>, previous?: Checked): Checked {
  const { resources: made, added } = withGatewayWorkloads(input);
  const before = new Map(previous?.gateways.map(each => [resourceName(each), each]));
  const gateways = made.slice(input.length).map(each => keepEqual(before.get(resourceName(each)), each));
  const resources = [...input, ...gateways];
  const draft = buildModel(resources, {}, previous?.draft);
  const findings = analyze(draft);
  const told = findings.filter(finding => finding.severity === 'error').map(errorOf);
  const known = new Set(told.map(({ message }) => message));
  const errors = [...told, ...refused(draft, findings).filter(({ message }) => !known.has(message)), ...dataPlane.refusals(draft)];
  if (errors.length > 0) throw new InputError(errors);
  return { resources, gateways, added, draft, warnings: findings.filter(finding => finding.severity === 'warning') };
}

/** The model that is served: Pods where they were placed, and access logs in the form that `up` reads. */
export function placedModel({ resources, draft }: Pick<Checked, 'resources' | 'draft'>, places: ReadonlyMap<string, Place>,
  dataPlane: Pick<DataPlane, 'meshConfig'>, previous?: Model): Model {
  return buildModel(resources, {
    meshConfig: { ...draft.config.raw, ...dataPlane.meshConfig, accessLogFile: '/dev/stdout', accessLogEncoding: 'TEXT', accessLogFormat: ACCESS_FORMAT },
    placement: new Map([...places].map(([key, { ip, listenPorts }]) => [key, { ip, ports: listenPorts }])),
  }, previous);
}
