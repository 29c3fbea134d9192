import { cpus, loadavg } from 'node:os';
import { stringify } from 'yaml';

/** The mesh that is measured: each service with two versions, a DestinationRule, and a VirtualService with a header match, a 90/10 split, a timeout and retries. */
export function manifestsOf(index: number): object[] {
  const name = serviceName(index);
  const deployment = (version: string) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${name}-${version}` },
    spec: {
      selector: { matchLabels: { app: name, version } },
      template: { metadata: { labels: { app: name, version } }, spec: { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }] } },
    },
  });
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ name: 'http', port: 8080 }] } },
    deployment('v1'),
    deployment('v2'),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name },
      spec: { host: name, subsets: ['v1', 'v2'].map(version => ({ name: version, labels: { version } })) },
    },
    virtualServiceOf(index, '10s'),
  ];
}

export function virtualServiceOf(index: number, timeout: string): object {
  const name = serviceName(index);
  const to = (subset: string, weight?: number) => ({ destination: { host: name, subset }, ...(weight !== undefined && { weight }) });
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name },
    spec: {
      hosts: [name],
      http: [
        { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('v2')] },
        { timeout, retries: { attempts: 3, perTryTimeout: '2s', retryOn: '5xx' }, route: [to('v1', 90), to('v2', 10)] },
      ],
    },
  };
}

export const serviceName = (index: number): string => `service-${index}`;

export const meshOf = (services: number): object[] => Array.from({ length: services }, (_, index) => manifestsOf(index)).flat();

/** The same as a file. `kinds` leaves out others. */
export const yamlOf = (objects: readonly object[]): string => objects.map(object => stringify(object, { aliasDuplicateObjects: false })).join('---\n');

export interface Timed<T> { readonly result: T; readonly ms: number; readonly cpuMs: number }

export function timed<T>(work: () => T): Timed<T> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { result, ms, cpuMs: (user + system) / 1000 };
}

export const least = (numbers: readonly number[]): number => Math.min(...numbers);

export const machine = (): string => `Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`;
