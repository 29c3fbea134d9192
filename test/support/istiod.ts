import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Resource } from '../../src/model/resource';
import type { GoldenProxy, XdsJson } from '../golden/load';

/** An xDS node, as a proxy introduces itself. */
export type Node = GoldenProxy['node'];

export interface IstiodQuestion {
  readonly resources: readonly Resource[];
  readonly meshConfig: Readonly<Record<string, unknown>>;
  readonly nodes: Readonly<Record<string, Node>>;
}

export type IstiodAnswer = GoldenProxy['expected'] & { readonly ecds: readonly XdsJson[]; readonly nds: readonly XdsJson[] };

/** What istiod's webhook says of a document; nothing where it is content. */
export interface Verdict {
  readonly error?: string;
  readonly warning?: string;
}

/** Istio's own discovery server (test/support/istiod/main.go) in a process that ends with this one. */
export class Istiod {
  public static async start(binary: string): Promise<Istiod> {
    const child = spawn(binary, { stdio: ['pipe', 'pipe', 'ignore'] });
    for await (const line of createInterface(child.stdout)) return new Istiod(child, `http://${line}`);
    throw new Error(`${binary} ended without an address`);
  }

  private constructor(private readonly child: ChildProcess, private readonly address: string) {}

  /** All that it sends to each node, by the node's name. */
  public async answers({ resources, meshConfig, nodes }: IstiodQuestion): Promise<Readonly<Record<string, IstiodAnswer>>> {
    return this.ask('/', { documents: resources.map(stored), mesh: JSON.stringify(meshConfig), nodes });
  }

  /** What its admission webhook says of each resource. */
  public async verdicts(resources: readonly Resource[]): Promise<readonly Verdict[]> {
    return this.ask('/validate', { documents: resources.map(stored) });
  }

  public async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.stdin!.end();
    await ended;
  }

  private async ask<T>(path: string, question: object): Promise<T> {
    const response = await fetch(`${this.address}${path}`, { method: 'POST', body: JSON.stringify(question) });
    const text = await response.text();
    if (!response.ok) throw new Error(`istiod: ${text}`);
    return JSON.parse(text);
  }
}

/** The object as an API server stores it: a namespace, a time, and what it defaults in Services. */
function stored({ document, kind, metadata, spec, status }: Resource): object {
  const { name, namespace, labels, creationTimestamp = '2026-01-01T00:10:00Z' } = metadata;
  const kept = { ...document, metadata: { ...document.metadata as object, name, ...namespace !== '' && { namespace }, labels, creationTimestamp }, status };
  if (!('spec' in document)) return kept;
  if (kind !== 'Service') return { ...kept, spec };
  const ports = (spec.ports as { port: number; targetPort?: unknown }[] | undefined ?? []).map(port => ({ protocol: 'TCP', ...port, targetPort: port.targetPort ?? port.port }));
  return { ...kept, spec: { type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ...spec, ports } };
}
