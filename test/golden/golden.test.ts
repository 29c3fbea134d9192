import { differences } from './compare';
import { loadScenario, scenarioNames } from './load';
import { createCompiler } from '../../src/compiler/compiler';
import { buildModel } from '../../src/model/model';
import { proxyFromNode } from '../../src/model/proxy';

/** Scenarios in which every proxy must be sent exactly what istiod sends. `GOLDEN_ALL=1` reports on all others as well. */
const REQUIRED: readonly string[] = [
  'authz-empty', 'authz-jwt', 'base', 'delegate', 'dr-consistent-hash', 'dr-pool-outlier', 'dr-port-and-subset', 'egress-gateway', 'envoy-filter', 'export-to',
  'gateway-auto-passthrough', 'gateway-hosts', 'gateway-tls', 'gateway-two-vs-same-host', 'headless-statefulset', 'http-fault',
  'http-headers-cors', 'http-match-fields', 'http-mirror', 'http-rewrite-redirect', 'http-timeout-retry', 'http-weights',
  'locality-distribute', 'locality-failover', 'locality-failover-priority', 'mesh-access-log', 'mesh-automtls-off', 'mesh-registry-only',
  'mtls-namespace-disable', 'peer-authentication', 'port-protocols', 'sample-bookinfo-gateway', 'sample-certmanager-gateway',
  'sample-destination-rule-all', 'sample-destination-rule-all-mtls', 'sample-destination-rule-reviews', 'sample-egress-rule-google-apis',
  'sample-fault-injection-details-v1', 'sample-virtual-service-all-v1', 'sample-virtual-service-details-v2',
  'sample-virtual-service-ratings-db', 'sample-virtual-service-ratings-mysql', 'sample-virtual-service-ratings-mysql-vm',
  'sample-virtual-service-ratings-test-abort', 'sample-virtual-service-ratings-test-delay', 'sample-virtual-service-reviews-50-v3',
  'sample-virtual-service-reviews-80-20', 'sample-virtual-service-reviews-90-10', 'sample-virtual-service-reviews-test-v2',
  'sample-virtual-service-reviews-v2-v3', 'sample-virtual-service-reviews-v3', 'service-entry-dns-capture', 'service-entry-kinds',
  'sidecar-egress-bind', 'sidecar-egress-registry-only', 'sidecar-ingress', 'tcp-routes', 'telemetry', 'tls-sni-routes', 'workload-entry',
];

const available = scenarioNames();
const all = process.env.GOLDEN_ALL === '1' ? available : [];
const wanted = [...new Set([...REQUIRED.filter(name => available.includes(name)), ...all])];

if (available.length === 0) {
  test.skip('the compiler sends what istiod sends — not run: ../shared/data is absent', () => undefined);
} else {
  describe('the compiler sends what istiod sends', () => {
    test.each(wanted)('%s', (name) => {
      expect(report(name)).toEqual([]);
    });

    test('no required scenario is missing from the data', () => {
      expect(REQUIRED.filter(name => !available.includes(name))).toEqual([]);
    });
  });
}

function report(name: string): string[] {
  const scenario = loadScenario(name);
  if (scenario === undefined) return [`${name} is absent`];
  const model = buildModel(scenario.resources, { meshConfig: scenario.meshConfig });
  const compiler = createCompiler(model);
  return scenario.proxies.flatMap(proxy => differences(proxy, compiler.compile(proxyFromNode(proxy.node, model))).map(found => `${proxy.name}: ${found}`));
}
