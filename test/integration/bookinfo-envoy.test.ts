import { bookinfoTasks } from './bookinfo-tasks';
import type { BookinfoTask } from './bookinfo-tasks';
import { startControlPlane } from '../../runtime/control-plane/control-plane';
import { staticSource } from '../../runtime/control-plane/sources/static';
import { createCompiler } from '../../src/compiler/compiler';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import type { Capture, Proxy } from '../../src/model/proxy';
import { proxyOf } from '../../src/model/proxy';
import type { Workload } from '../../src/model/service';
import { assertTaken, Envoy } from '../support/envoy';
import { describeReal } from '../support/real-parts';

/** Address blocks for explicit capture, 127.N.0.0/16 for the proxy at that place; far from those that `up` hands out first. */
const FIRST_BLOCK = 201;

const keyOf = ({ namespace, name }: Workload): string => `${namespace}/${name}`;

describeReal(['envoy', 'istio-samples'], 'real Envoy takes Bookinfo', paths => {
  const tasks = bookinfoTasks(paths['istio-samples']!);
  // Every task has the same workloads, so that one Envoy per proxy can go through all of them.
  const workloads = buildModel(tasks[0]!.resources).workloads.map(keyOf);
  const placement = new Map(workloads.map((key, index) => [key, { ip: `127.${FIRST_BLOCK + index}.0.1` }]));

  const modelOf = (task: BookinfoTask, capture: Capture): Model => buildModel(task.resources, capture === 'explicit' ? { placement } : {});
  const proxyIn = (model: Model, key: string, capture: Capture): Proxy => {
    const workload = model.workloads.find(each => keyOf(each) === key)!;
    const addressBlock = `127.${FIRST_BLOCK + workloads.indexOf(key)}.0.0/16`;
    return proxyOf(model, workload, { capture, dialect: 'stock', ...(capture === 'explicit' && { explicit: { addressBlock, appPorts: { 9080: 41234 } } }) });
  };

  describe.each<Capture>(['iptables', 'explicit'])('%s capture', capture => {
    test.each(workloads)('%s, through every task of the tour', async key => {
      const models = tasks.map(task => modelOf(task, capture));
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
      } finally {
        await envoy.stop();
        await controlPlane.close();
      }
    }, 120_000);
  });
});
