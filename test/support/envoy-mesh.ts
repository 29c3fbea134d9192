import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Envoy } from './envoy';
import type { EnvoyOptions } from './envoy';
import { reserveLoopback } from './loopback';
import { startControlPlane } from '../../runtime/control-plane/control-plane';
import type { ControlPlane } from '../../runtime/control-plane/control-plane';
import { staticSource } from '../../runtime/control-plane/sources/static';
import type { StaticSource } from '../../runtime/control-plane/sources/static';
import type { CompiledProxy } from '../../src/compiler/compiled-proxy';
import { createCompiler } from '../../src/compiler/compiler';
import type { Compiler } from '../../src/compiler/compiler';
import { explicitTable, virtualAddress } from '../../src/compiler/explicit';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { buildModel } from '../../src/model/model';
import type { Model } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import type { Proxy } from '../../src/model/proxy';
import { proxyOf } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import type { Workload } from '../../src/model/service';

export interface EnvoyMeshOptions extends Pick<EnvoyOptions, 'drainSeconds'> {
  /** Ports on 127.0.0.1 of programs that run already, by workload. */
  readonly applications?: Readonly<Record<string, number>>;
  /** What the application of a workload answers with; by default the workload's name. */
  readonly answer?: (workload: string, request: IncomingMessage) => string;
}

/**
 * Real Envoys in explicit capture beside small applications, on this machine's loopback addresses, fed by the control plane. Each
 * application answers `200 NAME`, NAME being its workload's.
 */
export class EnvoyMesh {
  /** Starts an Envoy and an application for every workload, and waits until all are served. */
  public static async start(binary: string, manifests: string, given: EnvoyMeshOptions = {}): Promise<EnvoyMesh> {
    const { applications = {}, answer = name => name, ...options } = given;
    const { resources } = withGatewayWorkloads(read(manifests));
    const { workloads } = buildModel(resources);
    const blocks = await reserveLoopback(workloads.length);
    const placement = new Map(workloads.map((workload, index) => [keyOf(workload), { ip: `127.${blocks.block(index)}.0.1` }]));
    const model = buildModel(resources, { placement });
    const source = staticSource(model);
    const box: Compiling = {};
    const controlPlane = await startControlPlane({ source, port: 0, compilerOf: remembering(box) });
    const mesh = new EnvoyMesh(controlPlane, placement, source, box, answer, blocks.release);
    try {
      for (const [index, workload] of model.workloads.entries()) {
        const port = applications[workload.name] ?? await mesh.application(workload.name);
        const appPorts = Object.fromEntries(workload.containerPorts.map(each => [each.port, port]));
        const proxy = proxyOf(model, workload, { capture: 'explicit', explicit: { addressBlock: `127.${blocks.block(index)}.0.0/16`, appPorts } });
        mesh.proxies.set(workload.name, proxy);
        mesh.envoys.set(workload.name, await Envoy.start({ ...options, binary, proxy, xdsPort: controlPlane.port }));
      }
      await mesh.synced();
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  public readonly proxies = new Map<string, Proxy>();
  public readonly envoys = new Map<string, Envoy>();
  private readonly applications: Server[] = [];

  private constructor(
    public controlPlane: ControlPlane, private readonly placement: ReadonlyMap<string, { readonly ip: string }>,
    private source: StaticSource, private readonly box: Compiling, private readonly answer: NonNullable<EnvoyMeshOptions['answer']>,
    private readonly release: () => Promise<void>,
  ) {}

  /** The model of manifests of the same workloads, each where it runs. */
  public modelOf(manifests: string): Model {
    return this.modelWith(read(manifests));
  }

  /** The model of resources of the same workloads, each where it runs. */
  public modelWith(resources: readonly Resource[]): Model {
    return buildModel(withGatewayWorkloads(resources).resources, { placement: this.placement });
  }

  /** Serves other manifests of the same workloads; resolves when every Envoy has taken them. */
  public async update(manifests: string): Promise<void> {
    await this.serve(this.modelOf(manifests));
  }

  /** Serves another model of the same workloads; resolves when every Envoy has taken it. */
  public async serve(model: Model): Promise<void> {
    this.source.update(model);
    await this.synced();
  }

  /** What the Envoy of a workload is sent now. */
  public compiled(workload: string): CompiledProxy {
    return this.box.compiler!.compile(this.proxies.get(workload)!);
  }

  /** Ends the control plane and runs something while it is away; resolves when another one on the same port has every Envoy again. */
  public async without(run: () => Promise<void>): Promise<void> {
    const { model, port } = this.controlPlane;
    await this.controlPlane.close();
    await run();
    this.source = staticSource(model);
    this.controlPlane = await startControlPlane({ source: this.source, port, compilerOf: remembering(this.box) });
    await this.synced();
  }

  /** Where a workload dials a service: its name, `NAME.NAMESPACE` or host. */
  public address(workload: string, service: string, port: number): { readonly address: string; readonly port: number } {
    const { model } = this.controlPlane;
    return virtualAddress(model, this.proxies.get(workload)!, model.services.find(({ name, namespace, hostname }) => [name, `${name}.${namespace}`, hostname].includes(service))!, port)!;
  }

  /** Where a gateway of one port listens. */
  public gatewayAddress(workload: string, port: number): { readonly address: string; readonly port: number } {
    const { model } = this.controlPlane;
    const proxy = this.proxies.get(workload)!;
    const target = model.targetsOf(model.workloadOf(proxy)).find(each => each.port.number === port)?.targetPort ?? port;
    return { address: proxy.ips[0]!, port: explicitTable(model, proxy)!.inboundPort(target) };
  }

  public async stop(): Promise<void> {
    await Promise.all([...this.envoys.values()].map(async envoy => envoy.stop()));
    await this.controlPlane.close();
    for (const app of this.applications) {
      app.closeAllConnections();
      await new Promise(resolve => { app.close(resolve); });
    }
    await this.release();
  }

  /** An application that answers with a name; where it listens. */
  private async application(name: string): Promise<number> {
    const server = createServer((request, response) => response.end(this.answer(name, request)));
    server.keepAliveTimeout = 0;
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    this.applications.push(server);
    return (server.address() as AddressInfo).port;
  }

  private async synced(): Promise<void> {
    await Promise.all([...this.proxies.values()].map(async ({ id }) => this.controlPlane.synced(id, { timeoutMs: 20_000 })));
  }
}

/** The compiler of the model that is served. */
interface Compiling { compiler?: Compiler }

function remembering(box: Compiling): (model: Model) => Compiler {
  return model => (box.compiler = createCompiler(model, box.compiler));
}

function read(manifests: string) {
  const { resources, errors } = parseManifests(manifests);
  if (errors.length > 0) throw errors[0];
  return resources;
}

const keyOf = ({ namespace, name }: Workload): string => `${namespace}/${name}`;
