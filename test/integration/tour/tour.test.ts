import { Testing, Yaml } from 'cdk8s';
import { ROWS } from './rows';
import { Bookinfo } from '../../../examples/bookinfo/bookinfo';
import { TOUR } from '../../../examples/bookinfo/tour';
import { outsideHost } from '../../support/tour/outside';
import type { OutsideHost } from '../../support/tour/outside';
import { describeScenarios } from '../../support/tour/suite';

const OUTSIDE = 'www.googleapis.com';
let outside: OutsideHost;

beforeAll(async () => { outside = await outsideHost(OUTSIDE); });
afterAll(async () => outside.close());

test('every task of the tour is asked something', () => {
  expect(Object.keys(ROWS)).toEqual(Object.keys(TOUR));
});

describe('the tour gives the same answers through', () => {
  describeScenarios(Object.entries(TOUR).map(([name, { apply }]) => ({
    name,
    manifests: () => {
      const bookinfo = new Bookinfo(Testing.app(), 'bookinfo');
      apply(bookinfo);
      return Yaml.stringify(...Testing.synth(bookinfo).map(here));
    },
    rows: ROWS[name] ?? [],
  })), () => outside.ca);
});

/** The host outside the mesh is one of this machine's. */
function here(manifest: { kind: string; spec: { hosts?: string[] } }): object {
  if (manifest.kind !== 'ServiceEntry' || manifest.spec.hosts?.includes(OUTSIDE) !== true) return manifest;
  return { ...manifest, spec: { ...manifest.spec, endpoints: [{ address: '127.0.0.1', ports: { http: outside.http, https: outside.https } }] } };
}
