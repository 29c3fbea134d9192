import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyzeResources } from '../../src/analysis';
import { textOf } from '../../src/analysis/finding';
import { parseManifests } from '../../src/model/parse';

const SAMPLES = join(__dirname, '../../../shared/data/istio-samples/bookinfo');

function findings(...files: string[]): string[] {
  const parsed = files.map(file => parseManifests(readFileSync(join(SAMPLES, file), 'utf8'), file));
  return analyzeResources(parsed.flatMap(each => each.resources), parsed.flatMap(each => each.errors)).map(textOf);
}

/** What is true of two samples, which are otherwise correct. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'certmanager-gateway.yaml': [
    '[networking/certmanager-gateway.yaml:33] MESH_HOST_UNKNOWN (IST0101): VirtualService/istio-system/cert-manager: routes to the host cert-manager-resolver, '
    + 'which is no Service or ServiceEntry (looked for cert-manager-resolver.istio-system.svc.cluster.local); declare it, or write the full name of a service of another namespace',
  ],
  'fault-injection-details-v1.yaml': [
    '[networking/fault-injection-details-v1.yaml:18] MESH_RULE_UNREACHABLE (IST0130): VirtualService/default/details: spec.http[1] can never match, '
    + 'as spec.http[0] takes everything; move the general rule to the end',
    '[networking/fault-injection-details-v1.yaml:23] MESH_OBJECT_DUPLICATE: DestinationRule/default/details: an object is declared once, got it also '
    + 'with other content at networking/destination-rule-all.yaml:49; one replaces the other; remove one of the two, or rename it',
  ],
};

/** Versions that a sample routes to and another file deploys. */
const DEPLOYED_BY: Readonly<Record<string, string>> = {
  'virtual-service-details-v2.yaml': 'platform/kube/bookinfo-details-v2.yaml',
  'virtual-service-ratings-db.yaml': 'platform/kube/bookinfo-ratings-v2.yaml',
  'virtual-service-ratings-mysql.yaml': 'platform/kube/bookinfo-ratings-v2-mysql.yaml',
  'virtual-service-ratings-mysql-vm.yaml': 'platform/kube/bookinfo-ratings-v2-mysql-vm.yaml',
};

if (existsSync(SAMPLES)) {
  const networking = readdirSync(join(SAMPLES, 'networking')).filter(file => file.endsWith('.yaml'));
  test.each(networking)('finds nothing else in the sample networking/%s', (file) => {
    const rules = file.startsWith('destination-rule') ? [] : ['networking/destination-rule-all.yaml'];
    const gateway = file === 'bookinfo-gateway.yaml' ? [] : ['networking/bookinfo-gateway.yaml'];
    const deployed = file in DEPLOYED_BY ? [DEPLOYED_BY[file]] : [];
    expect(findings('platform/kube/bookinfo.yaml', ...deployed, ...rules, ...gateway, `networking/${file}`)).toEqual(KNOWN[file] ?? []);
  });

  test.each(readdirSync(join(SAMPLES, 'platform/kube')).filter(file => file.endsWith('.yaml')))('finds nothing in the sample platform/kube/%s', (file) => {
    expect(findings(`platform/kube/${file}`)).toEqual([]);
  });
} else {
  test.skip('not run: the samples of Istio are not beside the project', () => {});
}
