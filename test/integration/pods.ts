import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly binaryData?: Record<string, string>;
  readonly spec?: { readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: PodSpec } };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
}

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

/** Writes the programs into a folder, as the package brings them; returns the file. */
export function buildRuntime(folder: string): string {
  const outfile = join(folder, 'index.cjs');
  const entry = resolve(__dirname, '../../runtime/main.ts');
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', target: 'node20', minify: true, keepNames: true, outfile, logLevel: 'error' });
  return outfile;
}

/** Does for one machine what a kubelet does for a node: ConfigMaps become folders, containers become processes. */
export class Kubelet {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-pods-'));
  private readonly processes: ChildProcess[] = [];
  private readonly output: string[] = [];

  public constructor(manifests: readonly Manifest[]) {
    for (const { metadata, data, binaryData } of manifests.filter(({ kind }) => kind === 'ConfigMap')) {
      mkdirSync(join(this.folder, metadata.name));
      for (const [name, text] of Object.entries(data ?? {})) writeFileSync(join(this.folder, metadata.name, name), text);
      for (const [name, base64] of Object.entries(binaryData ?? {})) writeFileSync(join(this.folder, metadata.name, name), Buffer.from(base64, 'base64'));
    }
  }

  /** Runs a container as its Pod would; `instead` are words of its command that mean something else on this machine. */
  public run(
    pod: PodSpec, container: Container, fields: Readonly<Record<string, string>>, instead: readonly (readonly [string, string])[],
    env: Record<string, string> = {},
  ): void {
    const folders = (container.volumeMounts ?? []).map(({ name, mountPath }): [string, string] => {
      const map = pod.volumes.find(volume => volume.name === name)!.configMap!.name;
      return [mountPath, join(this.folder, map)];
    });
    const words = container.command!.map(word => [...folders, ...instead].reduce((text, [from, to]) => text.replaceAll(from, to), word));
    const { env: listed = [] } = container;
    const given = Object.fromEntries(listed.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom!.fieldRef.fieldPath]]));
    this.start(words, { ...given, ...env });
  }

  /** Runs a program. */
  public start([command, ...args]: readonly string[], env: Record<string, string>): void {
    const child = spawn(command, args, { env: { PATH: process.env.PATH!, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
    this.processes.push(child);
  }

  /** All that the programs said. */
  public get said(): string { return this.output.join(''); }

  public async stop(): Promise<void> {
    await Promise.all(this.processes.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
