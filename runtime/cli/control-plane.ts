import type { Command } from 'commander';
import { EXIT } from './exit';
import { startHealth } from './health';
import type { Io } from './io';
import { hostOf, portOf, whenAborted } from './serving';
import { startControlPlane } from '../control-plane';
import { referenceDataPlane } from './up/reference';
import type { Checked } from './up/served-model';
import { checked } from './up/served-model';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import type { Resource } from '../../src/model/resource';
import { directorySource } from '../control-plane/sources/directory';
import { withRegisteredPods } from '../control-plane/sources/registered';
import type { RegisteredPods } from '../control-plane/sources/registered';

interface Options {
  readonly host: string;
  readonly port: number;
  readonly health?: number;
}

/** `control-plane`: serves manifests of folders to proxies that make themselves known by connecting. */
export function registerControlPlane(program: Command, io: Io, done: (code: number) => void): void {
  program.command('control-plane')
    .description('serve the mesh of manifests to reference proxies')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests, followed as they change')
    .option('--host <address>', 'address to listen on', hostOf, '127.0.0.1')
    .option('--port <number>', 'port for xDS, without TLS', portOf, 15010)
    .option('--health <number>', 'port of /healthz/ready, for a kubelet', portOf)
    .addHelpText('after', `
Proxies ask for their configuration here (\`cdk8s-mesh proxy\`). A Pod is known once its proxy is connected:
nothing is read from Kubernetes.
Whoever reaches the port is served, without TLS: keep it inside the cluster.

Examples:
  $ cdk8s-mesh control-plane dist
  $ cdk8s-mesh control-plane /etc/cdk8s-mesh --host 0.0.0.0 --health 15014`)
    .action(async (paths: string[], options: Options) => done(await serve(paths, options, io)));
}

async function serve(paths: readonly string[], { host, port, health }: Options, io: Io): Promise<number> {
  const dataPlane = referenceDataPlane();
  const connected = new Map<string, number>();
  const pods: RegisteredPods = new Map();
  let resources: readonly Resource[] = [];
  let input: Checked | undefined;
  let served: Model | undefined;
  const modelOf = (): Model => {
    const known = withRegisteredPods(resources, connected.keys(), pods);
    const meshConfig = { ...input?.draft.config.raw, ...dataPlane.meshConfig };
    return served = buildModel(known.resources, { placement: known.placement, meshConfig }, served);
  };
  const source = directorySource({
    paths,
    cwd: io.cwd,
    modelOf: (read) => {
      input = checked(read, dataPlane, input);
      resources = read;
      return modelOf();
    },
  });
  let following = false;
  const follow = (): void => {
    if (following) return;
    following = true;
    // Proxies come in crowds; one model serves them all.
    setImmediate(() => {
      following = false;
      plane.update(modelOf());
    });
  };
  const plane = await startControlPlane({
    source,
    host,
    port,
    log: line => io.stdout.write(`${line}\n`),
    onEvent: (event) => {
      if (event.kind !== 'connected' && event.kind !== 'disconnected') return;
      const count = (connected.get(event.node) ?? 0) + (event.kind === 'connected' ? 1 : -1);
      if (count > 0) connected.set(event.node, count);
      else connected.delete(event.node);
      if (count <= 0) pods.delete(event.node);
      follow();
    },
  });
  const answering = health === undefined ? undefined : await startHealth(host, health, () => true);
  io.stdout.write(`serving ${paths.join(', ')} on ${plane.host}:${plane.port}\n`);
  await whenAborted(io.signal);
  await answering?.close();
  await plane.close();
  return EXIT.interrupted;
}
