import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const object = (kind: string, name: string, spec: string, apiVersion = 'networking.istio.io/v1', more = '') => (
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}${more}}\nspec: ${spec}\n---\n`);
const service = (name: string, spec = `{ports: [{port: 80, name: http}], selector: {app: ${name}}}`, more = '') => object('Service', name, spec, 'v1', more);
const pod = (name: string, more = '') => object('Pod', `${name}-1`, '{containers: [{name: a, ports: [{containerPort: 80}]}]}', 'v1', `${more}, labels: {app: ${name}}`);
const to = (host: string) => object('VirtualService', 'it', `{hosts: [${host}], http: [{route: [{destination: {host: ${host}}}]}]}`);

const found = (yaml: string) => analyzeResources(parseManifests(yaml, 'f.yaml').resources).filter(({ code }) => code === 'MESH_SERVICE_EMPTY')
  .map(({ severity, resource, field, message }) => [severity, resource, field, message]);

test('a route to a Service without Pods, where other Pods are beside it', () => {
  expect(found(service('web') + pod('other') + to('web'))).toEqual([['warning', 'VirtualService/default/it', 'spec.http[0].route[0].destination.host',
    'leads to web, whose Service takes Pods with app=web in default, got none such; requests get 503']]);
});

test('is only worth knowing where the namespace may be deployed elsewhere', () => {
  expect(found(service('web') + pod('other', ', namespace: far') + to('web')).map(([severity]) => severity)).toEqual(['info']);
});

const entry = (text: string) => object('ServiceEntry', 'e', `{hosts: [web.example], ports: [{number: 80, name: http, protocol: HTTP}], ${text}}`);

test.each<[string, string]>([
  ['a Service with a Pod', service('web') + pod('web') + to('web')],
  ['a mesh without any workload', service('web') + to('web')],
  ['a Service without selector, whose endpoints are kept by somebody else', service('web', '{ports: [{port: 80, name: http}]}') + pod('other') + to('web')],
  ['another name of a host outside', service('web', '{type: ExternalName, externalName: a.example, ports: [{port: 80, name: http}]}') + pod('other') + to('web')],
  ['a host looked up in DNS', entry('resolution: DNS') + pod('other') + to('web.example')],
  ['a host at fixed addresses', entry('resolution: STATIC, endpoints: [{address: 1.2.3.4}]') + pod('other') + to('web.example')],
  ['a host dialled as it is', entry('resolution: NONE') + pod('other') + to('web.example')],
  ['Pods of a controller that is not read here', `${service('web')}${pod('other')}${to('web')}${object('CloneSet', 'web', '{template: {metadata: {labels: {app: web}}}}', 'apps.kruise.io/v1alpha1')}`],
  ['a Service of WorkloadEntries', service('web') + pod('other') + object('WorkloadEntry', 'w', '{address: 1.2.3.4, labels: {app: web}}') + to('web')],
])('says nothing of %s', (_case, yaml) => expect(found(yaml)).toEqual([]));
