import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';
import type { ApiServer } from './api-server';
import { freePort } from './loopback';

const POLL_MS = 50;
const KEPT_LINES = 30;
const REPLICA_SETS = '/apis/apps/v1/replicasets';

/**
 * The real controller of Argo Rollouts beside a real API server. There is no kubelet and no controller of ReplicaSets: a stand-in says of each that as many
 * pods as it asks for are ready.
 */
export class ArgoController {
  public static async start(binary: string, server: ApiServer): Promise<ArgoController> {
    const folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-argo-'));
    writeFileSync(join(folder, 'kubeconfig'), Yaml.stringify(server.kubeconfig()), { mode: 0o600 });
    const child = spawn(binary, [
      '--kubeconfig', join(folder, 'kubeconfig'), '--leader-elect=false', '--loglevel', 'warn',
      '--metricsPort', String(await freePort()), '--healthzPort', String(await freePort()),
    ], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    return new ArgoController(server, folder, child);
  }

  private readonly lines: string[] = [];
  private stopped = false;
  private readonly kubelet: Promise<void>;

  private constructor(private readonly server: ApiServer, private readonly folder: string, private readonly child: ChildProcess) {
    child.stderr!.on('data', (chunk: Buffer) => {
      this.lines.push(...chunk.toString().trimEnd().split('\n'));
      this.lines.splice(0, this.lines.length - KEPT_LINES);
    });
    this.kubelet = this.standInForKubelet();
  }

  public async stop(): Promise<void> {
    this.stopped = true;
    await this.kubelet;
    const gone = new Promise(resolve => { this.child.once('exit', resolve); });
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An object, as soon as it is as it is waited for. */
  public async until(path: string, what: string, is: (object: any) => boolean, patienceMs = 60_000): Promise<any> {
    for (const end = Date.now() + patienceMs; ;) {
      const { body } = await this.server.get(path);
      if (is(body)) return body;
      if (Date.now() > end || this.child.exitCode !== null) {
        throw new Error(`${path} did not become ${what}:\n${JSON.stringify(body, undefined, 1)}\n${this.lines.join('\n')}`);
      }
      await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
    }
  }

  private async standInForKubelet(): Promise<void> {
    while (!this.stopped) {
      const { items = [] } = (await this.server.get(REPLICA_SETS)).body as any;
      for (const { metadata, spec: { replicas }, status } of items) {
        if (status?.availableReplicas === replicas || (replicas === 0 && (status?.replicas ?? 0) === 0)) continue;
        const counts = { replicas, readyReplicas: replicas, availableReplicas: replicas, fullyLabeledReplicas: replicas };
        await this.server.merge(`/apis/apps/v1/namespaces/${metadata.namespace}/replicasets/${metadata.name}/status`, {
          status: { ...counts, observedGeneration: metadata.generation },
        });
      }
      await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
    }
  }
}
