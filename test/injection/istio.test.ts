import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { compare } from './differences';
import { inject } from '../../src/injection';
import { describeReal } from '../support/real-parts';

const documents = (file: string): unknown[] => parseAllDocuments(readFileSync(file, 'utf8')).map(document => document.toJS() as unknown).filter(Boolean);

describeReal(['istio-injected', 'istio-samples'], 'injection makes of a workload what Istio\'s injector does', (paths) => {
  test.each([
    ['bookinfo', 1122], ['probes', 190], ['annotations', 181], ['native-sidecar', 175], ['kinds', 679], ['skipped', 34], ['gateway-template', 116],
  ])('%s: all %i fields', (name, fields) => {
    const input = name === 'bookinfo' ? join(paths['istio-samples'], 'bookinfo/platform/kube/bookinfo.yaml') : join(paths['istio-injected'], `${name}.in.yaml`);
    const given = documents(input);
    const before = JSON.stringify(given);
    const once = inject(given).objects;
    expect(compare(documents(join(paths['istio-injected'], `${name}.out.yaml`)), once)).toEqual({ fields, differing: [] });
    expect(JSON.stringify(given)).toBe(before);
    expect(inject(once).objects).toEqual(once);
  });
});
