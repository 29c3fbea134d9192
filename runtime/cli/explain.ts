import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { EXIT } from './exit';
import type { Io } from './io';
import { readMesh } from './model-input';
import { pairs } from './proxy-options';
import { savingsText } from './text/savings';
import { UsageError } from './usage-error';
import { explainRequest, explanationJson, explanationText, REACH, scopeSavings } from '../../src/analysis/explain';
import type { RequestSpec } from '../../src/analysis/explain';
import { findWorkload } from '../../src/model/find-workload';
import { isObject } from '../../src/model/json';
import type { Model } from '../../src/model/model';
import { didYouMean } from '../../src/model/suggest';

interface Options {
  readonly from?: string;
  readonly optimize?: boolean;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly source?: string;
  readonly namespace?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly dialled?: { readonly address: string; readonly port: number };
  readonly tls?: Readonly<Record<string, string>>;
  readonly output: 'text' | 'json';
}

/** `explain`: what happens to one request, and why. */
export function registerExplain(program: Command, io: Io, done: (code: number) => void): void {
  program.command('explain')
    .description('say what happens to a request, and why')
    .usage('[options] <dir...> [METHOD] <URL> | <dir...> --optimize')
    .argument('<dir-method-url...>', 'folders or files of manifests, then method (GET by default) and URL')
    .option('--from <caller>', 'WORKLOAD, gateway:NAME, or outside (the gateway that serves the host)')
    .option('-n, --namespace <namespace>', 'namespace of a caller named without one')
    .option('-H, --header <name: value>', 'request header; may be given several times', header)
    .option('--dialled <address:port>', 'address that the caller connects to, where it is not the host\'s own', dialled)
    .option('--tls <sni=name,alpn=h2,mtls>', 'TLS that the caller speaks, for an https URL; with mtls it shows a certificate', pairsOfTls)
    .option('--claims <json>', 'claims of a token that counts as signed, sent as Authorization: Bearer', claims)
    .option('--source <address>', 'address that the request comes from')
    .option('--optimize', 'say instead what a Sidecar scope would save each proxy (of --from, with the Sidecar to apply)')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
Prints the decision first, then the whole way there and back, on both sides: iptables, every listener, filter, policy, virtual host
and rule that was tried, which condition failed with which value, and which resource set what. Nothing is sent anywhere.

Examples:
  $ cdk8s-mesh explain dist GET http://reviews:9080/ --from productpage-v1 -H 'end-user: jason'
  $ cdk8s-mesh explain dist http://bookinfo.example/productpage --from outside
  $ cdk8s-mesh explain dist POST http://ratings:9080/ratings --from reviews-v2.default -o json
  $ cdk8s-mesh explain dist http://reviews:9080/ --from productpage-v1 --claims '{"iss": "issuer@example", "sub": "jason"}'
  $ cdk8s-mesh explain dist --optimize
  $ cdk8s-mesh explain dist --optimize --from productpage-v1`)
    .action((args: string[], options: Options) => {
      if (options.optimize === true) {
        io.stdout.write(optimize(args, options, io));
        return done(EXIT.good);
      }
      const { paths, spec } = request(args, options);
      const { model, compiler } = readMesh(paths, io);
      const explanation = explainRequest(model, spec, { compiler });
      if (explanation.targets.some(({ cluster }) => PAST_THE_MESH.has(cluster))) io.stderr.write(strangerNote(model, spec.url));
      io.stdout.write(options.output === 'json' ? `${JSON.stringify(explanationJson(explanation, spec), undefined, 2)}\n` : `${explanationText(explanation)}\n`);
      done(EXIT.good);
    });
}

function request(args: readonly string[], options: Options): { paths: string[]; spec: RequestSpec } {
  const paths = [...args];
  const url = paths.pop()!;
  if (!/^https?:\/\//.test(url)) throw new UsageError(`MESH_URL_INVALID: the last argument is a URL such as http://reviews:9080/, got ${url}; put it after the DIRs`);
  const method = isMethod(paths.at(-1)) ? paths.pop()!.toUpperCase() : 'GET';
  if (paths.length === 0) throw new UsageError('MESH_INPUT_MISSING: at least one DIR is named, got none; write `explain DIR GET URL --from WORKLOAD`');
  const { from, namespace, header: headers, dialled: address, tls, claims: told, source } = options;
  if (from === undefined) throw new UsageError('MESH_INPUT_MISSING: a request has a caller, got none; add --from WORKLOAD, --from gateway:NAME or --from outside');
  return {
    paths,
    spec: {
      method,
      url,
      from,
      namespace,
      headers,
      dialled: address,
      ...told !== undefined && { claims: told },
      ...source !== undefined && { sourceAddress: source },
      ...tls !== undefined && { tls: { sni: tls.sni, alpn: tls.alpn?.split('+'), certificate: tls.mtls !== undefined } },
    },
  };
}

/** Methods in any case; another word is one where it is all upper case. */
function isMethod(word = ''): boolean {
  return /^(get|head|post|put|patch|delete|options|trace|connect)$/i.test(word) || /^[A-Z][A-Z-]*$/.test(word);
}

/** Where requests go that no service of the mesh is meant by. */
const PAST_THE_MESH: ReadonlySet<string> = new Set(['PassthroughCluster', 'BlackHoleCluster']);

/** Says what a host that the mesh does not know may have been. */
function strangerNote({ services }: Model, url: string): string {
  const { hostname, port, protocol } = new URL(url);
  const known = services.filter(({ name, hostname: host }) => hostname === host || hostname.split('.')[0] === name);
  const wanted = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  if (known.length > 0) {
    const ports = [...new Set(known.flatMap(service => service.ports.map(({ number }) => number)))].sort((a, b) => a - b);
    return ports.map(String).includes(wanted) ? '' : `note: ${hostname} has no port ${wanted}; it has ${ports.join(', ')}\n`;
  }
  const meant = didYouMean(hostname, services.flatMap(({ name, hostname: host }) => [name, host]));
  return `note: no service of the mesh is called ${hostname}${meant === '' ? '' : `; ${meant}`}\n`;
}

/** Pairs, and `mtls` by itself. */
const pairsOfTls = (text: string, before?: Readonly<Record<string, string>>): Record<string, string> => pairs(text.replace(/(^|,)mtls(?=,|$)/, '$1mtls=true'), before);

function header(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf(':');
  if (at < 1) throw new InvalidArgumentError(`A header is 'name: value', got ${text}.`);
  const name = text.slice(0, at).trim().toLowerCase();
  const value = text.slice(at + 1).trim();
  // Envoy matches a header that comes several times as one, its values joined.
  return { ...before, [name]: before[name] === undefined ? value : `${before[name]},${value}` };
}

function dialled(text: string): { address: string; port: number } {
  const at = text.lastIndexOf(':');
  if (at < 1 || !/^\d+$/.test(text.slice(at + 1))) throw new InvalidArgumentError(`An address is ADDRESS:PORT, got ${text}.`);
  return { address: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

function claims(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`Claims are a JSON object, got ${(error as Error).message}.`);
  }
  if (!isObject(value)) throw new InvalidArgumentError(`Claims are a JSON object, got ${text}.`);
  return value;
}

/** `--optimize`: what scopes would save, for all proxies or the one of `--from`. */
function optimize(paths: readonly string[], { from, namespace, output }: Options, io: Io): string {
  const { model, resources } = readMesh(paths, io);
  const chosen = from === undefined ? undefined : findWorkload(model, from, namespace);
  const savings = scopeSavings(model, resources, workload => (
    chosen === undefined || (workload.namespace === chosen.namespace && workload.workload === chosen.workload)));
  if (output === 'json') return `${JSON.stringify({ rule: REACH, proxies: savings }, undefined, 2)}\n`;
  return savingsText(savings, chosen !== undefined);
}
