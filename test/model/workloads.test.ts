import { deployment, modelOf } from './support';
import { findWorkload } from '../../src/model/find-workload';

const pod = (name: string, metadata: string, spec = ''): string => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}${metadata}}
spec: {containers: []${spec}}
status: {podIP: 10.1.0.1}
`;

test.each([
  ['a Deployment, behind its ReplicaSet', pod('a-5d4-x', ', generateName: a-5d4-, labels: {pod-template-hash: 5d4}, ownerReferences: [{kind: ReplicaSet, name: a-5d4, controller: true}]'), 'a'],
  ['a StatefulSet', pod('db-0', ', generateName: db-, ownerReferences: [{kind: StatefulSet, name: db, controller: true}]'), 'db'],
  ['a CronJob, behind its Job', pod('tick-29000000-x', ', generateName: tick-29000000-, ownerReferences: [{kind: Job, name: tick-29000000, controller: true}]'), 'tick'],
  ['nobody', pod('lone', ''), 'lone'],
  ['an owner that did not generate its name', pod('named', ', ownerReferences: [{kind: StatefulSet, name: db, controller: true}]'), 'named'],
  ['whom its label says', pod('a', ', labels: {service.istio.io/workload-name: other}'), 'other'],
])('a Pod belongs to %s', (_case, text, workload) => {
  expect(modelOf(text).workloads[0].workload).toBe(workload);
});

test('Pods that have ended are no workloads', () => {
  expect(modelOf(pod('done', '').replace('podIP', 'phase: Succeeded, podIP')).workloads).toEqual([]);
});

test('a CronJob, a StatefulSet and a Job stand for their Pods', () => {
  const template = 'template: {metadata: {labels: {app: a}}, spec: {serviceAccountName: acc, containers: [{name: c}]}}';
  const model = modelOf(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec: {jobTemplate: {spec: {${template}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {${template}}
`);
  expect(model.workloads.map(({ kind, name, serviceAccount, labels }) => [kind, name, serviceAccount, labels.app])).toEqual([['StatefulSet', 'db', 'acc', 'a'], ['CronJob', 'tick', 'acc', 'a']]);
});

test.each([['reviews', 'v2'], ['elsewhere', undefined]])('a Rollout has the Pods of the Deployment that it refers to: %s', (name, version) => {
  const model = modelOf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews}
spec: {replicas: 0, template: {metadata: {labels: {version: v2}}, spec: {containers: [{name: c}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: all}
spec: {replicas: 2, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: ${name}}}
`);
  expect(model.workloads.map(workload => [workload.kind, workload.name, workload.labels.version])).toEqual(version === undefined ? [] : [['Rollout', 'all', version]]);
});

test('a template that is bound to a zone puts its workload there', () => {
  const model = modelOf(deployment('shop').replace('spec:\n      containers', 'spec:\n      nodeSelector: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1}\n      containers'));
  expect(model.workloads[0].locality).toBe('eu/eu-1');
});

test.each([
  ['the label istio of a gateway', '', ', istio: eastwestgateway', true],
  ['a Gateway that selects it', '\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {selector: {app: edge}}', '', true],
  ['a Gateway without selector', '\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {}', '', false],
  ['nothing', '', '', false],
])('a workload is a gateway by %s', (_case, more, labels, gateway) => {
  expect(modelOf(deployment('edge', { labels }) + more).workloads[0].gateway).toBe(gateway);
});

describe('a workload is named', () => {
  const model = modelOf(deployment('shop') + deployment('shop', { namespace: 'prod' }) + deployment('cart-v1').replaceAll('app: cart-v1', 'app: cart')
    + pod('db-1', ', generateName: db-, ownerReferences: [{kind: StatefulSet, name: db, controller: true}]')
    + pod('db-0', ', generateName: db-, ownerReferences: [{kind: StatefulSet, name: db, controller: true}]'));

  test.each([
    ['shop', 'default/shop'],
    ['shop.prod', 'prod/shop'],
    ['deploy/shop', 'default/shop'],
    ['deployment/shop.prod', 'prod/shop'],
    ['pod/db-1', 'default/db-1'],
    ['db-1', 'default/db-1'],
    ['db', 'default/db-0'],
    ['sts/db', 'default/db-0'],
    ['cart', 'default/cart-v1'],
  ])('%s', (name, found) => {
    const workload = findWorkload(model, name);
    expect(`${workload.namespace}/${workload.name}`).toBe(found);
  });

  test('in another namespace by default', () => {
    expect(findWorkload(model, 'shop', 'prod').namespace).toBe('prod');
  });

  test.each([
    ['shpo', 'MESH_WORKLOAD_UNKNOWN: a workload of that name must exist in namespace default, got shpo; did you mean shop? there are cart-v1.default, db.default, shop.default, shop.prod'],
    ['pod/zebra', 'MESH_WORKLOAD_UNKNOWN: a workload of that name must exist in namespace default, got pod/zebra; there are cart-v1.default, db.default, shop.default, shop.prod'],
    ['car/shop', 'MESH_WORKLOAD_UNKNOWN: a workload is written NAME, NAME.NAMESPACE or KIND/NAME with KIND one of deploy, sts, ds, job, pod, got car/shop; did you mean shop? there are cart-v1.default, db.default, shop.default, shop.prod'],
  ])('%s in vain', (name, message) => {
    expect(() => findWorkload(model, name)).toThrow(new Error(message));
  });

  test('in an input without any', () => {
    expect(() => findWorkload(modelOf(''), 'shop')).toThrow('got shop; the input has no Pod, Deployment or other workload');
  });
});
