import type { Command } from 'commander';
import { Option } from 'commander';
import { EXIT } from './exit';
import type { Io } from './io';
import { readMesh } from './model-input';
import { dot, graphOf, mermaid } from '../../src/analysis/graph';
import type { Graph } from '../../src/analysis/graph';

type Format = 'mermaid' | 'dot' | 'json';

/** `graph`: the mesh as it is meant, to look at. */
export function registerGraph(program: Command, io: Io, done: (code: number) => void): void {
  program.command('graph')
    .description('draw the mesh as its manifests mean it')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['mermaid', 'dot', 'json']).default('mermaid'))
    .addHelpText('after', `
Draws gateways, services and the workloads behind them, with the conditions, shares, faults and copies (dashed) of rules, a lock on
workloads that take mutual TLS only, and the calls that manifests tell of: policies that admit a caller by name, hosts in the
environment or arguments of its containers.

Examples:
  $ cdk8s-mesh graph dist
  $ cdk8s-mesh graph dist -o dot | dot -Tsvg > mesh.svg
  $ cdk8s-mesh graph dist -o json`)
    .action((paths: string[], { output }: { output: Format }) => {
      io.stdout.write(PRINT[output](graphOf(readMesh(paths, io).model)));
      done(EXIT.good);
    });
}

const PRINT: Readonly<Record<Format, (graph: Graph) => string>> = { mermaid, dot, json: graph => `${JSON.stringify(graph, undefined, 2)}\n` };
