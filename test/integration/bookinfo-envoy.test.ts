import { bookinfoTasks } from './bookinfo-tasks';
import { startControlPlane } from '../../runtime/control-plane/control-plane';
import { staticSource } from '../../runtime/control-plane/sources/static';
import { createCompiler } from '../../src/compiler/compiler';
import { refusals } from '../../src/compiler/refusals';
import type { Model, ModelOptions } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import type { Capture, Proxy } from '../../src/model/proxy';
import { proxyOf } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import type { Workload } from '../../src/model/service';
import { assertTaken, Envoy } from '../support/envoy';
import { freePort, reserveLoopback } from '../support/loopback';
import type { LoopbackBlocks } from '../support/loopback';
import { describeReal } from '../support/real-parts';

const keyOf = ({ namespace, name }: Workload): string => `${namespace}/${name}`;

/** Ports that iptables capture binds on all addresses, each moved to one that nothing on this machine uses. */
interface FreePorts {
  readonly outbound: number;
  readonly inbound: number;
  readonly gateway: ReadonlyMap<number, number>;
}

describeReal(['envoy', 'istio-samples'], 'real Envoy takes Bookinfo', paths => {
  const all = bookinfoTasks(paths['istio-samples']!);
  const tasks = all.filter(({ resources }) => refusals(buildModel(resources)).length === 0);
  // Every task has the same workloads, so that one Envoy per proxy can go through all of them.
  const workloads = buildModel(tasks[0]!.resources).workloads.map(keyOf);
  let blocks: LoopbackBlocks;
  let ports: FreePorts;

  beforeAll(async () => {
    blocks = await reserveLoopback();
    ports = { outbound: await freePort(), inbound: await freePort(), gateway: new Map([[8080, await freePort()], [8443, await freePort()]]) };
  });

  afterAll(async () => blocks.release());

  const modelOf = (resources: readonly Resource[], capture: Capture): Model => {
    const options: ModelOptions = capture === 'explicit'
      ? { placement: new Map(workloads.map((key, index) => [key, { ip: `127.${blocks.block(index)}.0.1` }])) }
      : { meshConfig: { proxyListenPort: ports.outbound, proxyInboundListenPort: ports.inbound } };
    return buildModel(capture === 'explicit' ? resources : resources.map(resource => movedGateway(resource, ports.gateway)), options);
  };
  const proxyIn = (model: Model, key: string, capture: Capture): Proxy => {
    const workload = model.workloads.find(each => keyOf(each) === key)!;
    const addressBlock = `127.${blocks.block(workloads.indexOf(key))}.0.0/16`;
    return proxyOf(model, workload, { capture, dialect: 'stock', ...(capture === 'explicit' && { explicit: { addressBlock, appPorts: { 9080: 41234 } } }) });
  };

  test('every file of the tour is compiled', () => {
    expect(all.filter(task => !tasks.includes(task)).map(({ name }) => name)).toEqual([]);
  });

  describe.each<Capture>(['iptables', 'explicit'])('%s capture', capture => {
    test.each(workloads)('%s, through every task of the tour', async key => {
      const models = tasks.map(({ resources }) => modelOf(resources, capture));
      const proxy = proxyIn(models[0]!, key, capture);
      const source = staticSource(models[0]!);
      const controlPlane = await startControlPlane({ source, port: 0 });
      const envoy = await Envoy.start({ binary: paths.envoy!, proxy, xdsPort: controlPlane.port });
      try {
        for (const [index, model] of models.entries()) {
          if (index > 0) source.update(model);
          try {
            await controlPlane.synced(proxy.id, { timeoutMs: 20_000 });
            await assertTaken(envoy, createCompiler(model).compile(proxyIn(model, key, capture)));
          } catch (error) {
            throw new Error(`${tasks[index]!.name}: ${(error as Error).message}`);
          }
        }
        expect(controlPlane.status().map(({ id, connection }) => [id, connection])).toEqual([[proxy.id, 1]]);
      } finally {
        await envoy.stop();
        await controlPlane.close();
      }
    }, 120_000);
  });
});

/** A gateway's Service with other target ports; every other resource as it is. */
function movedGateway(resource: Resource, moved: ReadonlyMap<number, number>): Resource {
  if (resource.kind !== 'Service' || resource.metadata.namespace !== 'istio-system') return resource;
  const ports = (resource.spec.ports as { targetPort: number }[]).map(port => {
    return { ...port, targetPort: moved.get(port.targetPort) ?? port.targetPort };
  });
  return { ...resource, spec: { ...resource.spec, ports } };
}
