import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Option } from 'commander';
import { parse } from 'yaml';
import { EXIT, exitCodeOf } from './exit';
import { joinDocuments, splitDocuments, writeDocument } from './inject-documents';
import type { Document } from './inject-documents';
import { readText } from './input';
import type { Io } from './io';
import { injectionSummary } from './text/injection-summary';
import { UsageError } from './usage-error';
import { inject } from '../../src/injection';
import type { Injected, InjectionOptions, Selection } from '../../src/injection';
import { MeshError } from '../../src/model/error';
import { isObject, objectOf, textMapOf, textOf } from '../../src/model/json';
import type { Json } from '../../src/model/json';
import { parseManifests } from '../../src/model/parse';
import { readManifestFiles } from '../control-plane/sources/manifests';
import type { ManifestFile } from '../control-plane/sources/manifests';

interface Options {
  readonly filename: readonly string[];
  readonly output: 'yaml' | 'json';
  readonly values?: string;
  readonly meshConfig?: string;
  readonly revision: string;
  readonly nativeSidecar: boolean;
  readonly select: Selection;
}

/** `inject`: manifests with Istio's sidecar in their workloads, as `istioctl kube-inject` writes them. */
export function registerInject(program: Command, io: Io, done: (code: number) => void): void {
  program.command('inject')
    .description('add Istio\'s sidecar to the workloads of manifests')
    .argument('[file...]', 'files or folders of Kubernetes manifests')
    .addOption(new Option('-f, --filename <file...>', 'a file or folder as well; - is standard input').default([], 'none'))
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['yaml', 'json']).default('yaml'))
    .option('--values <file>', 'values of Istio\'s Helm chart istiod, over those of the default profile')
    .option('--mesh-config <file>', 'MeshConfig, as the key `mesh` of the ConfigMap istio has it')
    .option('-r, --revision <name>', 'revision of the control plane', 'default')
    .option('--native-sidecar', 'make the proxy an init container that stays, unless a Pod says otherwise', false)
    .addOption(new Option('--select <workloads>', 'all that do not decline, or those that labels of Pod or namespace choose').choices(['all', 'labels']).default('all'))
    .addHelpText('after', `
Documents come out in their order; what is no workload comes out as it is. Injecting twice is the same as once.
A Pod with the label sidecar.istio.io/inject: "false", or on the network of its host, gets no sidecar.
What was injected, what was not and why, and what CPU and memory the sidecars add is told on standard error.
Exit code 1 where an annotation has a value that Istio refuses: then nothing is written.

Examples:
  $ cdk8s-mesh inject dist/app.k8s.yaml | kubectl apply -f -
  $ kubectl get deploy web -o yaml | cdk8s-mesh inject -f -
  $ cdk8s-mesh inject dist --select labels --native-sidecar > injected.yaml
  $ cdk8s-mesh inject app.yaml --values istiod-values.yaml --mesh-config mesh.yaml`)
    .action((paths: string[], options: Options) => {
      const files = read([...paths, ...options.filename], io);
      const documents = files.flatMap(({ text }) => splitDocuments(text));
      const { texts, objects, workloads, errors } = injectAll(documents, injectionOptions(documents, options, io));
      for (const error of errors) io.stderr.write(`${error.message}\n`);
      if (errors.length > 0) return done(EXIT.findings);
      io.stdout.write(options.output === 'json' ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, undefined, 2)}\n` : joinDocuments(texts));
      io.stderr.write(injectionSummary(workloads));
      done(EXIT.good);
    });
}

interface Made {
  readonly texts: readonly string[];
  readonly objects: readonly unknown[];
  readonly workloads: readonly Injected[];
  readonly errors: readonly MeshError[];
}

/** Each document by itself, so that every wrong one is told of. */
function injectAll(documents: readonly Document[], options: InjectionOptions): Made {
  const errors: MeshError[] = [];
  const made = documents.map((document) => {
    try {
      const { objects: [object], workloads } = inject([document.value], options);
      return { text: object === document.value ? document.text : writeDocument(object), object, workloads };
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      errors.push(error);
      return { text: '', object: undefined, workloads: [] };
    }
  });
  return {
    texts: made.map(({ text }) => text),
    objects: made.map(({ object }) => object).filter(isObject),
    workloads: made.flatMap(({ workloads }) => workloads),
    errors,
  };
}

function read(paths: readonly string[], io: Io): readonly ManifestFile[] {
  if (paths.length === 0) throw new UsageError('MESH_INPUT_MISSING: at least one FILE is named, got none; write `inject FILE`, or `inject -f -` for standard input');
  const named = paths.filter(path => path !== '-');
  const { files, errors } = named.length > 0 ? readManifestFiles(named, io.cwd) : { files: [], errors: [] };
  const standardInput = paths.includes('-') ? [{ path: 'standard input', text: io.stdin?.() ?? readFileSync(0, 'utf8') }] : [];
  const all = [...files, ...standardInput];
  const unread = all.flatMap(({ path, text }) => parseManifests(text, path).errors).filter(error => exitCodeOf([error]) === EXIT.usage);
  const faults = [...errors, ...unread];
  if (faults.length > 0) throw new UsageError(faults.map(error => error.message).join('\n'));
  return all;
}

function injectionOptions(documents: readonly Document[], options: Options, io: Io): InjectionOptions {
  return {
    values: configured(options.values, 'values', io),
    meshConfig: configured(options.meshConfig, 'MeshConfig', io),
    revision: options.revision,
    nativeSidecar: options.nativeSidecar,
    selection: options.select,
    namespaceLabels: namespaceLabels(documents.map(({ value }) => value)),
  };
}

function configured(file: string | undefined, what: string, io: Io): Json | undefined {
  if (file === undefined) return undefined;
  let value: unknown;
  try {
    value = parse(readText(file, io.cwd));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`[${file}] MESH_YAML_SYNTAX: ${what} are YAML, got: ${(error as Error).message.split('\n')[0]}; correct the file`);
  }
  if (isObject(value)) return value;
  throw new UsageError(`[${file}] MESH_FIELD_TYPE: ${what} are an object, got ${JSON.stringify(value)}; name a file of ${what}`);
}

/** A namespace's labels count for workloads of all documents. */
function namespaceLabels(values: readonly unknown[]): Record<string, Readonly<Record<string, string>>> {
  const found: Record<string, Readonly<Record<string, string>>> = {};
  const visit = (value: unknown): void => {
    if (!isObject(value)) return;
    if (value.kind === 'List' && Array.isArray(value.items)) value.items.forEach(visit);
    const metadata = objectOf(value.metadata);
    if (value.kind === 'Namespace' && value.apiVersion === 'v1') found[textOf(metadata.name) ?? ''] = textMapOf(metadata.labels);
  };
  values.forEach(visit);
  return found;
}
