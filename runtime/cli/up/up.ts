import { parseAccessLine } from './access-format';
import { askedHeaders } from './asked-headers';
import { RunningCommand } from './command';
import type { DataPlane, RunningProxy } from './data-plane';
import { Directory, environmentOf, identityOf, placedProxy } from './environment';
import type { Dialled } from './environment';
import type { UpEvent, RunningWorkload } from './events';
import { forward, gatewayUrls, socketsOf } from './gateway';
import type { GatewayUrl } from './gateway';
import { endLeftovers, MARK } from './leftovers';
import { Lock, describe } from './lock';
import { canListen, keyOf, loopbackOf, placeWorkloads } from './placement';
import type { Loopback, Place } from './placement';
import { PortPool } from './port-pool';
import { checked, placedModel } from './served-model';
import type { Checked } from './served-model';
import { StandIn } from './stand-in';
import { textOf } from '../../../src/analysis';
import type { Compiler } from '../../../src/compiler/compiler';
import { createCompiler } from '../../../src/compiler/compiler';
import { MeshError } from '../../../src/model/error';
import { findWorkload } from '../../../src/model/find-workload';
import type { Model } from '../../../src/model/model';
import type { Workload } from '../../../src/model/service';
import { startControlPlane } from '../../control-plane/control-plane';
import type { ControlPlane } from '../../control-plane/control-plane';
import { directorySource } from '../../control-plane/sources/directory';

/** What `up` is asked to run. */
export interface UpOptions {
  readonly paths: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataPlane: DataPlane;
  /** Commands by workload, named as everywhere: `NAME`, `NAME.NAMESPACE`, `deploy/NAME`. */
  readonly runs?: Readonly<Record<string, string>>;
  /** Port of 127.0.0.1 that leads to the first gateway. */
  readonly port?: number;
  /** Found out by default. */
  readonly loopback?: Loopback;
  /** Throws where the mesh does not do for what the caller is about to do with it; asked before anything is started. */
  readonly suits?: (mesh: Pick<UpHandle, 'model' | 'gateways'>) => void;
  readonly signal: AbortSignal;
  readonly on: (event: UpEvent) => void;
  /** How long a command may take to listen; 15 s by default. */
  readonly listenMs?: number;
  /** Where running `up`s leave their notes; a folder of the temporary folder by default. */
  readonly lock?: Lock;
}

/** A mesh that runs. */
export interface UpHandle {
  readonly gateways: readonly GatewayUrl[];
  readonly workloads: readonly RunningWorkload[];
  readonly model: Model;
  readonly compiler: Compiler;
  readonly controlPlane: ControlPlane;
  /** Where a workload finds a service port: its own sidecar. */
  dial(workload: Workload, host: string, port: number): Dialled | undefined;
  /** Ends everything that was started. */
  close(): Promise<void>;
}

/** Annotation of a Pod template with the command that stands for its workload. */
const RUN_ANNOTATION = 'cdk8s-mesh.dev/run';
const PORTS_IN_STORE = 64;
const SYNC_MS = 20_000;
const LEAVING_MS = 1000;

/** Runs the mesh that DIRs describe on this machine. Whatever fails, nothing is left running. */
export async function runUp(options: UpOptions): Promise<UpHandle> {
  const up = new Up(options);
  try {
    await up.start();
    return up;
  } catch (error) {
    await up.close();
    throw error;
  }
}

interface Running {
  readonly workload: RunningWorkload;
  readonly proxy: RunningProxy;
  readonly application: { stop(): Promise<void> } | undefined;
  /** What it was started as; it is started anew where that changes. */
  readonly form: string;
}

class Up implements UpHandle {
  public gateways: readonly GatewayUrl[] = [];
  private readonly running = new Map<string, Running>();
  private readonly closers: (() => Promise<unknown> | unknown)[] = [];
  private readonly ports = new PortPool(PORTS_IN_STORE);
  private readonly lock: Lock;
  private readonly unprivileged: { unprivileged: boolean } = { unprivileged: false };
  private loopback: Loopback = 'block';
  private places: ReadonlyMap<string, Place> = new Map();
  private compilers = new WeakMap<Model, Compiler>();
  private plane?: ControlPlane;
  private turn: Promise<void> = Promise.resolve();
  private closing?: Promise<void>;
  private lastCompiler?: Compiler;
  private commands: ReadonlyMap<string, string> = new Map();
  private input?: Checked;
  private addedBefore: ReadonlySet<string> = new Set();

  public constructor(private readonly options: UpOptions) {
    this.lock = options.lock ?? new Lock();
  }

  public get model(): Model { return this.controlPlane.model; }
  public get compiler(): Compiler { return this.compilerOf(this.model); }
  public get workloads(): readonly RunningWorkload[] { return [...this.running.values()].map(({ workload }) => workload); }

  public get controlPlane(): ControlPlane {
    if (this.plane === undefined) throw new Error('the control plane has not started');
    return this.plane;
  }

  public dial(workload: Workload, host: string, port: number): Dialled | undefined {
    return new Directory(this.model, placedProxy(this.model, workload, this.placeOf(workload), this.unprivileged)).dial(host, port);
  }

  public async start(): Promise<void> {
    const endTurn = await this.lock.turn(this.options.signal);
    try {
      await this.startAlone();
    } finally {
      endTurn();
    }
  }

  private async startAlone(): Promise<void> {
    const began = performance.now();
    const { options } = this;
    await this.clearUp();
    this.loopback = options.loopback ?? await loopbackOf();
    this.unprivileged.unprivileged = (await canListen(this.loopback === 'block' ? '127.2.0.1' : '127.0.0.1', 1))?.code === 'EACCES';
    await this.ports.fill();
    const xdsPort = await canListen('127.0.0.1', 15010) === undefined ? 15010 : 0;
    const { paths, cwd, dataPlane } = options;
    const source = directorySource({ paths, cwd, modelOf: resources => this.place(this.input = checked(resources, dataPlane, this.input)) });
    this.plane = await startControlPlane({
      source,
      port: xdsPort,
      compilerOf: model => this.compilerOf(model),
      onEvent: (event) => {
        if (event.kind === 'errors') options.on({ kind: 'rejected', errors: event.errors.map(error => error.message) });
        else if (event.kind === 'rejected') options.on({ kind: 'rejected', errors: [`${event.node} rejected ${event.type}: ${event.message}`] });
        else if (event.kind === 'model') this.follow();
      },
    });
    this.closers.push(() => this.plane?.close());
    for (const name of Object.keys(options.runs ?? {})) findWorkload(this.model, name);
    this.gateways = this.findGateways();
    if (options.port !== undefined && this.gateways.length === 0) {
      throw new MeshError('MESH_GATEWAY_MISSING', `--port ${options.port} leads to a gateway, got a mesh without one; add a Gateway`);
    }
    await this.checkPort();
    options.suits?.(this);
    await this.probe();
    this.hold();
    await this.reconcile();
    this.hold();
    if (options.signal.aborted) return;
    this.gateways = this.findGateways();
    await this.forwardPort();
    options.on({ kind: 'ready', gateways: this.gateways, milliseconds: performance.now() - began });
  }

  public close(): Promise<void> {
    this.closing ??= (async () => {
      await this.turn.catch(() => undefined);
      await Promise.all([...this.running.keys()].map(key => this.stop(key)));
      for (const closer of this.closers.reverse()) await closer();
      this.lock.release();
    })();
    return this.closing;
  }

  /** Gives every workload of the input its place; called for the first input and for each that changed. */
  private place(input: Checked): Model {
    this.places = placeWorkloads(input.draft, this.loopback, this.places, () => this.ports.next());
    for (const name of input.added) {
      if (!this.addedBefore.has(name)) this.options.on({ kind: 'note', text: `added ${name}, as no workload carries the labels that a Gateway selects` });
    }
    this.addedBefore = new Set([...this.addedBefore, ...input.added]);
    for (const warning of input.warnings) this.options.on({ kind: 'note', text: textOf(warning) });
    return placedModel(input, this.places, this.options.dataPlane, this.plane?.model);
  }

  private compilerOf(model: Model): Compiler {
    let compiler = this.compilers.get(model);
    if (compiler === undefined) this.compilers.set(model, this.lastCompiler = compiler = createCompiler(model, this.lastCompiler));
    return compiler;
  }

  private placeOf(workload: Workload): Place {
    const place = this.places.get(keyOf(workload));
    if (place === undefined) throw new Error(`${keyOf(workload)} has no place`);
    return place;
  }

  /** Commands by `namespace/pod`: those of the user, then those of annotations. */
  private commandsOf(model: Model): ReadonlyMap<string, string> {
    const commands = new Map<string, string>();
    for (const workload of model.workloads) {
      const annotated = workload.annotations[RUN_ANNOTATION];
      if (annotated !== undefined) commands.set(keyOf(workload), annotated);
    }
    for (const [name, command] of Object.entries(this.options.runs ?? {})) {
      const found = known(model, name);
      if (found === undefined) continue;
      const { namespace, workload: controller } = found;
      for (const pod of model.workloads) if (pod.namespace === namespace && pod.workload === controller) commands.set(keyOf(pod), command);
    }
    return commands;
  }

  /** Ends what `up`s left running that were killed, since it holds addresses and nobody else will end it. */
  private async clearUp(): Promise<void> {
    for (const { running: { mark, paths, pid }, cleared } of this.lock.left()) {
      const count = mark === undefined ? 0 : await endLeftovers(mark);
      const processes = `${count} ${count === 1 ? 'process' : 'processes'}`;
      if (count > 0) this.options.on({ kind: 'note', text: `ended ${processes} that a killed \`cdk8s-mesh up ${paths.join(' ')}\` (process ${pid}) had left running` });
      cleared();
    }
  }

  /** Makes sure that nobody else listens where the proxies are about to. */
  private async probe(): Promise<void> {
    for (const workload of this.model.workloads) {
      const place = this.placeOf(workload);
      const compiled = this.compiler.compile(placedProxy(this.model, workload, place, this.unprivileged));
      for (const { address, port } of [...socketsOf(compiled.listeners), { address: place.ip, port: place.adminPort }]) {
        const error = await occupied(address, port);
        if (error === undefined) continue;
        const holder = this.lock.others().find(({ addresses }) => addresses.includes(place.ip));
        const reason = error.code !== 'EADDRINUSE' ? error.message : holder === undefined ? 'it is in use; end what listens there' : `it is in use by ${describe(holder)}`;
        throw new MeshError('MESH_ADDRESS_IN_USE', `the proxy of ${nameOf(workload)} needs ${address}:${port} for itself, got: ${reason}`, nameOf(workload));
      }
    }
  }

  private hold(): void {
    const { paths, cwd } = this.options;
    this.lock.hold({
      pid: process.pid,
      cwd,
      paths,
      controlPlanePort: this.controlPlane.port,
      addresses: [...this.places.values()].map(place => place.ip),
      admins: Object.fromEntries(this.workloads.map(({ name, admin }) => [name, admin])),
      mark: MARK,
    });
    this.closers.push(() => this.lock.release());
  }

  /** A new model is served: start what came with it, end what went. One change at a time. */
  private follow(): void {
    if (this.closing !== undefined) return;
    this.turn = this.turn.then(() => this.reconcile()).then(() => {
      this.gateways = this.findGateways();
      this.hold();
      this.options.on({ kind: 'changed' });
    }).catch((error: unknown) => {
      this.options.on({ kind: 'failed', name: 'change', reason: (error as Error).message });
    });
  }

  private async reconcile(): Promise<void> {
    const { model } = this;
    const wanted = new Map(model.workloads.map(workload => [keyOf(workload), workload]));
    this.commands = this.commandsOf(model);
    const gone = [...this.running.keys()].filter(key => !wanted.has(key));
    const changed = [...wanted].filter(([key, workload]) => (this.running.get(key)?.form ?? this.formOf(workload)) !== this.formOf(workload));
    await Promise.all(changed.map(([key]) => this.stop(key)));
    const fresh = [...wanted].filter(([key]) => !this.running.has(key)).map(([, workload]) => workload);
    // All are let come to their end before one failure is told, so that `close` finds everything that was started.
    const results = await Promise.allSettled(fresh.map(workload => this.run(model, workload)));
    await Promise.all(gone.map(key => this.stop(key)));
    const failure = results.find(result => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  private formOf(workload: Workload): string {
    const { labels, serviceAccount, gateway } = workload;
    const { appPorts, listenPorts } = this.placeOf(workload);
    return JSON.stringify([Object.entries(labels).sort(), serviceAccount, gateway, appPorts, listenPorts, this.commands.get(keyOf(workload))]);
  }

  private async run(model: Model, workload: Workload): Promise<void> {
    const place = this.placeOf(workload);
    const name = nameOf(workload);
    const proxy = placedProxy(model, workload, place, this.unprivileged);
    const { on, dataPlane, signal } = this.options;
    const started = await dataPlane.start({
      name,
      proxy,
      admin: { host: place.ip, port: place.adminPort },
      xds: { host: this.controlPlane.host, port: this.controlPlane.port },
      onAccessLine: line => this.accessLine(line, name, workload),
      onFailure: reason => on({ kind: 'failed', name: `proxy of ${name}`, reason }),
    });
    const command = workload.gateway ? undefined : this.commands.get(keyOf(workload));
    const listens = new Set(socketsOf(this.compiler.compile(proxy).listeners).filter(({ address }) => address === place.ip).map(({ port }) => port));
    const listenPorts: Record<number, number> = {};
    for (const port of Object.keys(place.appPorts).map(Number)) {
      const own = place.listenPorts[port] ?? port;
      // Without privilege, listeners for ports below 1024 move up.
      const found = [own, ...this.unprivileged.unprivileged && own < 1024 ? [own + 10_000] : []].find(each => listens.has(each));
      if (found !== undefined) listenPorts[port] = found;
    }
    const running: RunningWorkload = {
      name,
      ip: place.ip,
      ports: place.appPorts,
      listenPorts,
      silent: Object.keys(place.appPorts).map(Number).filter(port => listenPorts[port] === undefined),
      admin: `http://${place.ip}:${place.adminPort}`,
      application: workload.gateway ? 'none' : command === undefined ? 'stand-in' : 'command',
    };
    const form = this.formOf(workload);
    const entry: { -readonly [K in keyof Running]: Running[K] } = { workload: running, proxy: started, application: undefined, form };
    this.running.set(keyOf(workload), entry);
    const directory = new Directory(model, proxy);
    if (command !== undefined) {
      const application = this.startCommand(name, command, environmentOf(workload, place, model, directory));
      entry.application = application;
      await application.listening(signal, this.options.listenMs);
    } else if (!workload.gateway) {
      const dial = (host: string, port: number) => new Directory(this.model, proxy).dial(host, port);
      const standIn = new StandIn(identityOf(workload, model), dial, () => askedHeaders(this.model));
      entry.application = { stop: () => standIn.close() };
      for (const [port, own] of Object.entries(place.appPorts)) await standIn.listen(Number(port), own);
    }
    await Promise.race([started.ready.then(() => this.controlPlane.synced(proxy.id, { timeoutMs: SYNC_MS })), aborted(signal)]);
    if (!signal.aborted) on({ kind: 'workload', workload: running });
  }

  private startCommand(name: string, command: string, env: Record<string, string>): RunningCommand {
    const { on, cwd } = this.options;
    return new RunningCommand({
      name,
      command,
      cwd,
      env: { ...this.options.env, ...env },
      port: env.PORT === undefined ? undefined : Number(env.PORT),
      onLine: line => on({ kind: 'output', workload: name, line }),
      onExit: (code, by) => on({ kind: 'failed', name, reason: `its command ended with ${by ?? `code ${code}`}` }),
    });
  }

  private async stop(key: string): Promise<void> {
    const running = this.running.get(key);
    this.running.delete(key);
    await Promise.all([running?.proxy.close(), running?.application?.stop()]);
  }

  /** One line for a request, from the first proxy that saw it: the caller's, a gateway, or the target's where it was asked directly. */
  private accessLine(line: string, name: string, workload: Workload): void {
    const request = parseAccessLine(line, name);
    if (request === undefined) return;
    const own = this.running.get(keyOf(workload))?.workload;
    const inbound = !workload.gateway && own !== undefined && Object.values(own.listenPorts).some(port => request.local === `${own.ip}:${port}`);
    if (!inbound) this.options.on({ kind: 'request', request, target: this.targetOf(request.upstream, request.cluster) });
    // What another proxy sent, that one has told.
    else if (!request.fromProxy) this.options.on({ kind: 'request', request, target: request.upstream === '' ? '' : workload.workload, direct: true });
  }

  private targetOf(upstream: string, cluster: string): string {
    const workload = this.model.workloads.find((each) => {
      const place = this.places.get(keyOf(each));
      return place !== undefined && (upstream.startsWith(`${place.ip}:`) && (this.loopback === 'block' || Object.values(place.listenPorts).includes(Number(upstream.split(':')[1]))));
    });
    if (workload !== undefined) return workload.workload;
    return upstream === '' ? '' : cluster.split('|')[3] ?? upstream;
  }

  private findGateways(): GatewayUrl[] {
    return this.model.workloads.filter(workload => workload.gateway).flatMap(workload => gatewayUrls(nameOf(workload),
      this.compiler.compile(placedProxy(this.model, workload, this.placeOf(workload), this.unprivileged))));
  }

  private async checkPort(): Promise<void> {
    const { port } = this.options;
    const error = port === undefined ? undefined : await canListen('127.0.0.1', port);
    if (error === undefined) return;
    const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
    throw new MeshError('MESH_ADDRESS_IN_USE', `--port ${port} is a free port of 127.0.0.1, got: ${reason}; choose another`);
  }

  private async forwardPort(): Promise<void> {
    const { port } = this.options;
    const [first] = this.gateways;
    if (port === undefined || first === undefined) return;
    const forwarder = await forward(port, first);
    this.closers.push(() => forwarder.close());
    this.gateways = [{ ...first, url: `http://127.0.0.1:${port}` }, ...this.gateways.slice(1)];
  }
}

/** A workload that may have gone since it was named. */
function known(model: Model, name: string): Workload | undefined {
  try {
    return findWorkload(model, name);
  } catch {
    return undefined;
  }
}

/** Whether somebody else listens there. One who is just leaving is given a moment. */
async function occupied(address: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const deadline = performance.now() + LEAVING_MS;
  for (;;) {
    const error = await canListen(address, port);
    if (error?.code !== 'EADDRINUSE' || performance.now() > deadline) return error;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** `productpage-v1.default`. */
const nameOf = (workload: Workload): string => `${workload.workload}.${workload.namespace}`;

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
