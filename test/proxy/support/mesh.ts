import type { Socket } from 'net';
import { resources, type Sketch } from './resources';
import { freePort, RawClient, RawServer } from './sockets';
import { startControlPlane, type ControlPlane } from '../../../runtime/control-plane/control-plane';
import { staticSource } from '../../../runtime/control-plane/sources/static';
import { startProxy, type ProxyOptions, type RunningProxy } from '../../../runtime/proxy';
import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import { buildModel } from '../../../src/model/model';
import type { Model } from '../../../src/model/model';

export const NODE_ID = 'sidecar~127.0.0.1~web-0.shop~shop.svc.cluster.local';

/** A control plane that serves sketches, and proxies connected to it. */
export class MeshUnderTest {
  public static async create(): Promise<MeshUnderTest> {
    return new MeshUnderTest(await freePort());
  }

  public readonly log: string[] = [];
  private readonly opened: { close(): unknown }[] = [];
  private readonly compiled = new Map<Model, CompiledProxy>();

  private constructor(public readonly port: number) {}

  public async controlPlane(sketch: Sketch): Promise<ControlPlane> {
    const controlPlane = await startControlPlane({
      source: staticSource(this.modelOf(sketch)), port: this.port, compilerOf: model => ({ compile: () => this.compiled.get(model)! }),
    });
    this.opened.push(controlPlane);
    return controlPlane;
  }

  public modelOf(sketch: Sketch): Model {
    const model = buildModel([]);
    this.compiled.set(model, { ...resources(sketch), secrets: [] });
    return model;
  }

  public async proxy(options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
    const proxy = await startProxy({
      node: { id: NODE_ID, cluster: 'web.shop', metadata: { NAMESPACE: 'shop' } },
      xds: { host: '127.0.0.1', port: this.port },
      random: () => 0,
      log: message => this.log.push(message),
      ...options,
    });
    this.opened.push(proxy);
    return proxy;
  }

  public async upstream(serve: (socket: Socket, index: number) => void): Promise<RawServer> {
    const server = await RawServer.start(serve);
    this.opened.push(server);
    return server;
  }

  public async client(port: number): Promise<RawClient> {
    const client = await RawClient.open(port);
    this.opened.push(client);
    return client;
  }

  public async close(): Promise<void> {
    for (const each of this.opened.reverse()) await each.close();
  }
}
