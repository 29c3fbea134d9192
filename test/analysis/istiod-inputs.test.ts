import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { analyzeResources } from '../../src/analysis';
import type { Parsed } from '../../src/model/parse';
import { parseManifests } from '../../src/model/parse';

const ROOT = join(__dirname, '../../../shared/data/istiod-golden');

/** Everything a scenario loads; the folder's README tells the order. */
function load(scenario: string): Parsed[] {
  const folder = join(ROOT, scenario);
  const sources = readFileSync(join(folder, 'sources.txt'), 'utf8').split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'));
  return [...sources.flatMap(source => (source.endsWith('base/') ? load('base') : [parseManifests(readFileSync(join(folder, source), 'utf8'), source)])),
    parseManifests(readFileSync(join(folder, 'input.yaml'), 'utf8'), scenario)];
}

/** MeshConfig of a scenario, where it is not that of all. */
function meshConfig(scenario: string): Record<string, unknown> {
  const own = join(ROOT, scenario, 'mesh.yaml');
  return parse(readFileSync(existsSync(own) ? own : join(ROOT, 'base', 'mesh.yaml'), 'utf8')) as Record<string, unknown>;
}

/** What is really doubtful in inputs that istiod took. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // Its tokens are signed with symmetric keys, which stand in the policy; two rules of denials ask for no port.
  'authz-jwt': ['MESH_JWT_SECRET', 'MESH_JWT_SECRET', 'MESH_JWT_SECRET', 'MESH_NAMESPACE_UNKNOWN', 'MESH_ACCESS_HTTP_ONLY', 'MESH_ACCESS_HTTP_ONLY'],
  // minimumRingSize, mirrorPercent, delay.percent: istiod takes them and warns.
  'dr-consistent-hash': ['MESH_FIELD_DEPRECATED'],
  // Any EnvoyFilter is doubted, as istiod does; one inserts relative to others.
  'envoy-filter': ['MESH_ENVOY_FILTER', 'MESH_PATCH_ORDER'],
  // One of its rules contradicts the root, to be left out; the root's host is nobody's inside the mesh.
  'delegate': ['MESH_HOST_UNKNOWN', 'MESH_DELEGATE_CONFLICT'],
  // Two subsets with policies, and no route at all.
  'dr-port-and-subset': ['MESH_SUBSET_UNUSED', 'MESH_SUBSET_UNUSED'],
  // An sni without subjectAltNames: the name in the certificate is not looked at.
  'egress-gateway': ['MESH_TLS_UNCHECKED'],
  // A VirtualService for sidecars whose host no service has.
  // Its two Gateways share a host on a port, and one opens a port that the Service of the base lacks, as the next two do.
  'gateway-hosts': ['MESH_GATEWAY_CONFLICT', 'MESH_GATEWAY_CONFLICT', 'MESH_HOST_UNKNOWN', 'MESH_PORT_UNKNOWN'],
  'gateway-auto-passthrough': ['MESH_PORT_UNKNOWN'],
  // Secrets of some servers are not part of the scenario.
  'gateway-tls': ['MESH_SECRET_MISSING', 'MESH_SECRET_MISSING', 'MESH_SECRET_MISSING', 'MESH_PORT_UNKNOWN'],
  // Gateway API is read and not compiled.
  ...Object.fromEntries(Object.entries({ 'bookinfo-gateway': 2, 'route-all-v1': 4, 'route-reviews-90-10': 1, 'route-reviews-v1': 1, 'route-reviews-v3': 1 })
    .map(([name, count]) => [`sample-gateway-api-${name}`, Array.from({ length: count }, () => 'MESH_FIELD_UNSUPPORTED')])),
  // On the sidecar only the older of two counts; on the gateway the catch-all of the second comes after that of the first.
  'gateway-two-vs-same-host': ['MESH_HOST_SHARED', 'MESH_HOST_SHARED', 'MESH_HOST_UNKNOWN', 'MESH_HOST_UNKNOWN', 'MESH_RULE_UNREACHABLE'],
  // They route to versions that the base does not deploy.
  'sample-virtual-service-details-v2': ['MESH_SUBSET_EMPTY'],
  'sample-virtual-service-ratings-db': ['MESH_SUBSET_EMPTY'],
  'sample-virtual-service-ratings-mysql': ['MESH_SUBSET_EMPTY'],
  'sample-virtual-service-ratings-mysql-vm': ['MESH_SUBSET_EMPTY'],
  'tls-sni-routes': ['MESH_SUBSET_EMPTY'],
  // Two of its Services have no Pods, as nothing is sent to them.
  'tcp-routes': ['MESH_SERVICE_EMPTY', 'MESH_SERVICE_EMPTY'],
  'http-fault': ['MESH_FIELD_DEPRECATED'],
  'http-mirror': ['MESH_FIELD_DEPRECATED'],
  // Three services lead to one port of the same Pods; one has failover without outlierDetection, to show that nothing comes of it.
  'locality-failover': ['MESH_PORT_PROTOCOLS', 'MESH_FAILOVER_INERT'],
  'http-match-fields': ['MESH_RULE_UNREACHABLE'],
  'http-weights': ['MESH_HOST_UNKNOWN', 'MESH_SUBSET_MISSING'],
  'sample-certmanager-gateway': ['MESH_HOST_UNKNOWN'],
  'sample-fault-injection-details-v1': ['MESH_RULE_UNREACHABLE'],
};

if (existsSync(ROOT)) {
  test.each(readdirSync(ROOT).filter(name => existsSync(join(ROOT, name, 'input.yaml'))))('finds no fault that is none in the scenario %s', (scenario) => {
    const parsed = load(scenario);
    const options = { meshConfig: meshConfig(scenario) };
    const findings = analyzeResources(parsed.flatMap(each => each.resources), parsed.flatMap(each => each.errors), options);
    const told = findings.filter(({ severity }) => severity !== 'info').map(finding => finding.code);
    expect(told.sort()).toEqual([...KNOWN[scenario] ?? []].sort());
  });
} else {
  test.skip('not run: recorded input of istiod is not beside the project', () => {});
}
