/**
 * Synthesis of 100 services from L2 constructs, checked by analysis, beside the same manifests written as L1 objects. Each way in a
 * process of its own, taking turns; loading of packages is not counted, building the tree and writing the files are.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Duration, Testing } from 'cdk8s';
import type { ApiObjectProps } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { least, machine, serviceName, timed } from './mesh';
import { networking } from '../imports';
import { HeaderMatch, Mesh, MeshPort, MeshService, RetryOn, RetryPolicy, RouteMatch, RouteTarget } from '../src';

const SERVICES = 100;
const ROUNDS = 5;
const TARGET = 1.5;

function withL2(chart: Chart, checked: boolean): void {
  if (checked) new Mesh(chart, 'mesh');
  for (let index = 0; index < SERVICES; index++) {
    const service = new MeshService(chart, serviceName(index), { ports: [MeshPort.http(8080)] });
    const [v1, v2] = ['v1', 'v2'].map(version => service.addVersion(version, { replicas: 1, containers: [{ image: `app:${version}` }] })) as [never, never];
    service.addRoute('tester', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })], targets: [RouteTarget.to(v2)] });
    service.addRoute('all', {
      targets: [RouteTarget.to(v1, { weight: 90 }), RouteTarget.to(v2, { weight: 10 })],
      timeout: Duration.seconds(10),
      retry: RetryPolicy.on([RetryOn.SERVER_ERROR], { attempts: 3, perTryTimeout: Duration.seconds(2) }),
    });
  }
}

type L1 = new (scope: Construct, id: string, props: never) => unknown;
const L1S: Readonly<Record<string, L1>> = {
  Service: k8s.KubeService,
  ServiceAccount: k8s.KubeServiceAccount,
  Deployment: k8s.KubeDeployment,
  DestinationRule: networking.DestinationRule,
  VirtualService: networking.VirtualService,
};

function withL1(chart: Chart, manifests: readonly ApiObjectProps[]): void {
  manifests.forEach(({ apiVersion: _version, kind, ...props }, index) => {
    const l1 = L1S[kind];
    if (l1 === undefined) throw new Error(`no L1 of ${kind}`);
    new l1(chart, `object-${index}`, props as never);
  });
}

const [, program, way, file = ''] = process.argv as [string, string, string | undefined, string | undefined];
if (way === undefined) {compare(program);} else {
  const manifests = way === 'l1' ? JSON.parse(readFileSync(file, 'utf8')) as ApiObjectProps[] : [];
  const outdir = mkdtempSync(join(tmpdir(), 'bench-synth-'));
  try {
    const { ms, cpuMs } = timed(() => {
      const app = new App({ outdir });
      const chart = new Chart(app, 'mesh');
      if (way === 'l1') withL1(chart, manifests);
      else withL2(chart, way === 'l2');
      app.synth();
    });
    process.stdout.write(JSON.stringify({ ms, cpuMs }));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function compare(self: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'bench-synth-'));
  try {
    const chart = Testing.chart();
    withL2(chart, false);
    const manifests = Testing.synth(chart) as ApiObjectProps[];
    const list = join(folder, 'manifests.json');
    writeFileSync(list, JSON.stringify(manifests));
    const ways = ['l1', 'l2 unchecked', 'l2'];
    const costs = new Map<string, number[]>(ways.map(each => [each, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of ways) {
        const { stdout, stderr } = spawnSync(process.execPath, [self, each, list], { encoding: 'utf8' });
        if (stdout === '') throw new Error(stderr);
        costs.get(each)!.push((JSON.parse(stdout) as { cpuMs: number }).cpuMs);
      }
    }
    const base = least(costs.get('l1')!);
    process.stdout.write(`${SERVICES} services, ${manifests.length} manifests, CPU of the best of ${ROUNDS}, ${machine()}\n`);
    for (const [each, list_] of costs) process.stdout.write(`${each.padEnd(14)}${least(list_).toFixed(0).padStart(6)} ms ${(least(list_) / base).toFixed(2).padStart(6)} x\n`);
    process.stdout.write(`target: l2, checked, at most ${TARGET} x\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
