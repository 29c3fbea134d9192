import { Connection } from './ads/connection';
import { serveAds } from './ads/server';
import { Authority } from './ca/authority';
import { SecretMaker } from './ca/secrets';
import { describe } from './events';
import type { ControlPlaneEvent, EventListener } from './events';
import type { Source } from './sources/source';
import type { ProxyStatus } from './status';
import { Store } from './store/store';
import type { ProxyCompiler } from './store/store';
import { createCompiler } from '../../src/compiler/compiler';
import type { Compiler } from '../../src/compiler/compiler';
import { MeshError } from '../../src/model/error';
import type { Model } from '../../src/model/model';
import { compare } from '../../src/model/resource';

export interface ControlPlaneOptions {
  readonly source: Source;
  /** Makes the compiler of a model; by default one that takes over from the compiler before it what did not change. */
  readonly compilerOf?: (model: Model) => ProxyCompiler;
  /** Address to listen on; loopback by default, since plaintext xDS hands private keys to whoever asks. */
  readonly host?: string;
  /** 15010 by default, as in Istio; 0 takes a free one. */
  readonly port?: number;
  /** Takes a line for people; nothing is written without it. */
  readonly log?: (line: string) => void;
  /** Whoever wants all events, from the first on. */
  readonly onEvent?: EventListener;
  /** How long a proxy may take to accept clusters before routes to them are sent all the same; 5 s by default. */
  readonly patienceMs?: number;
}

export interface ControlPlane {
  /** Port it listens on. */
  readonly port: number;
  readonly host: string;
  /** The root certificate of workload certificates, PEM. */
  readonly rootCertificate: string;
  /** The model being served. */
  readonly model: Model;
  /** Serves another model. Throws, and keeps the last one, where it cannot be compiled at all. */
  update(model: Model): void;
  /** Every connected proxy, by node id and age. */
  status(): ProxyStatus[];
  /** Tells of everything from now on; returns how to stop that. */
  onEvent(listener: EventListener): () => void;
  /**
   * Resolves once the proxy of that node id has accepted all of the current model. Rejects with MESH_XDS_REJECTED when it refuses
   * some of it, with MESH_XDS_TIMEOUT after `timeoutMs` (30 s by default), naming what is missing.
   */
  synced(nodeId: string, options?: { readonly timeoutMs?: number }): Promise<ProxyStatus>;
  close(): Promise<void>;
}

const ADS_PORT = 15010;
const PATIENCE_MS = 5000;
const SYNC_TIMEOUT_MS = 30_000;

/** Starts serving a source's model to proxies, and follows its changes. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { source, compilerOf = successors(), host = '127.0.0.1', port = ADS_PORT, log, patienceMs = PATIENCE_MS } = options;
  const listeners = new Set<EventListener>(options.onEvent ? [options.onEvent] : []);
  if (log) {
    listeners.add(event => {
      const line = describe(event);
      if (line !== undefined) log(line);
    });
  }
  const emit = (event: ControlPlaneEvent): void => { for (const listener of [...listeners]) listener(event); };

  const connections = new Set<Connection>();
  // A source may speak before the server listens; what it says then is the model to begin with.
  const box: { store?: Store; next?: Model } = {};
  const publish = (model: Model): void => {
    if (!box.store) {
      box.next = model;
      return;
    }
    box.store.publish(model);
    emit({ kind: 'model', generation: box.store.generation });
    for (const connection of connections) void connection.refresh();
  };
  const refuse = (error: unknown): void => {
    const reason = error instanceof MeshError ? error : new MeshError('MESH_COMPILE_FAILED', `this configuration compiles, got "${(error as Error).message}"; what was served before stays`);
    emit({ kind: 'errors', errors: [reason] });
  };

  const authority = await Authority.create();
  const first = await source.start({
    model: model => {
      try {
        publish(model);
      } catch (error) {
        refuse(error);
      }
    },
    rejected: errors => emit({ kind: 'errors', errors }),
  });
  try {
    const store = new Store(box.next ?? first, compilerOf, new SecretMaker(authority));
    box.store = store;
    const context = { store, emit, later, patienceMs, identifier: 'cdk8s-mesh' };
    let count = 0;
    const server = await serveAds(host, port, stream => {
      const connection = new Connection(count += 1, stream, context);
      connections.add(connection);
      return {
        request: request => connection.request(request),
        drained: () => connection.drained(),
        closed: () => {
          connections.delete(connection);
          connection.closed();
        },
      };
    });
    const known = (): Connection[] => [...connections].filter(connection => connection.served)
      .sort((a, b) => compare(a.id!, b.id!) || a.number - b.number);
    const onEvent = (listener: EventListener): (() => void) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    };
    return {
      port: server.port,
      host,
      rootCertificate: authority.rootCertificate,
      get model() { return store.model; },
      update: publish,
      status: () => known().map(connection => connection.status()!),
      onEvent,
      synced: async (nodeId, { timeoutMs = SYNC_TIMEOUT_MS } = {}) => syncedOnce(nodeId, timeoutMs, () => latest(connections, nodeId), onEvent),
      close: async () => {
        await source.close();
        await server.close();
      },
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function successors(): (model: Model) => ProxyCompiler {
  let last: Compiler | undefined;
  return model => (last = createCompiler(model, last));
}

/** A proxy that reconnects has two streams for a moment; the younger one counts. */
function latest(connections: Iterable<Connection>, nodeId: string): Connection | undefined {
  let found: Connection | undefined;
  for (const connection of connections) if (connection.served && connection.id === nodeId) found = connection; // in order of age
  return found;
}

async function syncedOnce(
  nodeId: string, timeoutMs: number, find: () => Connection | undefined, onEvent: ControlPlane['onEvent'],
): Promise<ProxyStatus> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      stop();
      cancel();
      act();
    };
    const check = (): void => {
      const connection = find();
      if (!connection) return;
      const { refusals } = connection;
      if (refusals.length > 0) {
        finish(() => reject(new MeshError('MESH_XDS_REJECTED', `a proxy takes what it is sent, got ${refusals.join('; ')}`, nodeId)));
      } else if (connection.synced) {
        finish(() => resolve(connection.status()!));
      }
    };
    const stop = onEvent(event => { if (!('node' in event) || event.node === undefined || event.node === nodeId) check(); });
    const cancel = later(() => finish(() => {
      const missing = find()?.missing.join('; ') ?? 'no connection from it';
      reject(new MeshError('MESH_XDS_TIMEOUT', `a proxy has its configuration within ${timeoutMs / 1000} s, got: ${missing}`, nodeId));
    }), timeoutMs, true);
    check();
  });
}

/** Timers of streams do not keep a program alive; one that somebody waits for does. */
function later(run: () => void, milliseconds: number, waitedFor = false): () => void {
  const timer = setTimeout(run, milliseconds);
  if (!waitedFor) timer.unref();
  return () => clearTimeout(timer);
}
