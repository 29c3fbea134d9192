import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import { createExplainer, type Explainer } from '../../src/analysis/explain';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

const ROOT = join(__dirname, '..', '..', '..', 'shared', 'data', 'istio-samples', 'bookinfo');
const present = existsSync(ROOT);
const suite = present ? describe : describe.skip;

/** Bookinfo as Istio's own samples have it, with one VirtualService file. */
function sample(file: string): Explainer {
  const files = ['platform/kube/bookinfo.yaml', 'networking/destination-rule-all.yaml', 'networking/bookinfo-gateway.yaml', `networking/${file}`];
  const parsed = files.map(name => parseManifests(readFileSync(join(ROOT, name), 'utf8'), name));
  expect(parsed.flatMap(({ errors }) => errors)).toEqual([]);
  return createExplainer(buildModel(withGatewayWorkloads(parsed.flatMap(({ resources }) => resources)).resources));
}

const reviews = { url: 'http://reviews:9080/reviews/0', from: 'productpage-v1' };
const ratings = { url: 'http://ratings:9080/ratings/0', from: 'reviews-v2' };
const details = { url: 'http://details:9080/details/0', from: 'productpage-v1' };
const jason = { headers: { 'end-user': 'jason' } };

suite(`${present ? '' : 'not run: no samples of Istio | '}Bookinfo's tasks are explained right`, () => {
  test.each([
    ['virtual-service-all-v1.yaml', reviews, { v1: 100 }],
    ['virtual-service-all-v1.yaml', ratings, { v1: 100 }],
    ['virtual-service-reviews-test-v2.yaml', { ...reviews, ...jason }, { v2: 100 }],
    ['virtual-service-reviews-test-v2.yaml', reviews, { v1: 100 }],
    ['virtual-service-reviews-80-20.yaml', reviews, { v1: 80, v2: 20 }],
    ['virtual-service-reviews-90-10.yaml', reviews, { v1: 90, v2: 10 }],
    ['virtual-service-reviews-50-v3.yaml', reviews, { v1: 50, v3: 50 }],
    ['virtual-service-reviews-jason-v2-v3.yaml', { ...reviews, ...jason }, { v2: 100 }],
    ['virtual-service-reviews-jason-v2-v3.yaml', reviews, { v3: 100 }],
    ['virtual-service-reviews-v2-v3.yaml', reviews, { v2: 50, v3: 50 }],
    ['virtual-service-reviews-v3.yaml', reviews, { v3: 100 }],
  ])('%s %j', (file, spec, shares) => {
    const { outcome, targets } = sample(file).explain(spec);
    expect(outcome).toBe('routed');
    expect(Object.fromEntries(targets.map(({ subset, percent }) => [subset, percent]))).toEqual(shares);
    expect(targets.every(({ endpoints }) => endpoints.length === 1)).toBe(true);
  });

  test('faults', () => {
    expect(sample('virtual-service-ratings-test-abort.yaml').explain({ ...ratings, ...jason })).toMatchObject({ outcome: 'answered', status: 500, flag: 'FI' });
    expect(sample('virtual-service-ratings-test-abort.yaml').explain(ratings)).toMatchObject({ outcome: 'routed', targets: [{ subset: 'v1' }] });
    const delayed = sample('virtual-service-ratings-test-delay.yaml').explain({ ...ratings, ...jason });
    expect(delayed).toMatchObject({ outcome: 'routed', fault: { delaySeconds: 7, delayPercent: 100 }, targets: [{ subset: 'v1', percent: 100 }] });
    expect(sample('fault-injection-details-v1.yaml').explain(details)).toMatchObject({ outcome: 'answered', status: 555, flag: 'FI' });
  });

  test('a version that nothing runs is 503 without a healthy endpoint', () => {
    expect(sample('virtual-service-details-v2.yaml').explain(details)).toMatchObject({ outcome: 'failed', status: 503, flag: 'UH' });
    expect(sample('virtual-service-ratings-mysql.yaml').explain(ratings)).toMatchObject({ outcome: 'failed', status: 503, flag: 'UH' });
  });

  test.each(['/productpage', '/static/bootstrap.css', '/login', '/logout', '/api/v1/products/0'])('the gateway lets %s in', path => {
    const { outcome, targets } = sample('virtual-service-all-v1.yaml').explain({ url: `http://localhost${path}`, from: 'outside' });
    expect(outcome).toBe('routed');
    expect(targets).toMatchObject([{ host: expect.stringMatching(/^productpage\./), percent: 100 }]);
  });

  test('the gateway lets nothing else in', () => {
    expect(sample('virtual-service-all-v1.yaml').explain({ url: 'http://localhost/reviews/0', from: 'outside' })).toMatchObject({ outcome: 'failed', status: 404, flag: 'NR' });
  });
});
