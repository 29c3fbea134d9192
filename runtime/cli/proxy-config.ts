import { Command, Option } from 'commander';
import type { ProxyDump } from './dump/read';
import { readDump } from './dump/read';
import { configDump } from './dump/write';
import { EXIT } from './exit';
import { readText } from './input';
import type { Io } from './io';
import { liveDump } from './live';
import { readMesh } from './model-input';
import { addProxyOptions, chooseProxy } from './proxy-options';
import type { ProxyOptions } from './proxy-options';
import { clusterTable } from './tables/clusters';
import { ecdsTable } from './tables/ecds';
import { edsTable, endpointTable } from './tables/endpoints';
import { listenerTable } from './tables/listeners';
import { routeTable } from './tables/routes';
import { secretTable } from './tables/secrets';
import { UsageError } from './usage-error';
import type { Json } from '../../src/model/json';

interface Kind {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly what: string;
  readonly table: (dump: ProxyDump) => string;
  readonly list: (dump: ProxyDump) => readonly Json[];
}

const KINDS: readonly Kind[] = [
  { name: 'clusters', aliases: ['cluster', 'c'], what: 'clusters', table: clusterTable, list: dump => dump.clusters },
  { name: 'listeners', aliases: ['listener', 'l'], what: 'listeners and their filter chains', table: listenerTable, list: dump => dump.listeners },
  { name: 'routes', aliases: ['route', 'r'], what: 'virtual hosts and routes', table: routeTable, list: dump => dump.routes },
  {
    name: 'endpoints',
    aliases: ['endpoint', 'ep'],
    what: 'endpoints and their health',
    table: endpointTable,
    list: dump => (dump.clusterStatuses.length > 0 ? dump.clusterStatuses : dump.endpoints),
  },
  { name: 'secret', aliases: ['secrets', 's'], what: 'certificates and what they are valid for', table: secretTable, list: dump => dump.secrets.map(({ entry }) => entry) },
  {
    name: 'bootstrap',
    aliases: ['b'],
    what: 'what the proxy was started with, as JSON',
    table: dump => `${JSON.stringify(dump.bootstrap, undefined, 2)}\n`,
    list: dump => [dump.bootstrap],
  },
  { name: 'ecds', aliases: ['ec'], what: 'configurations of extensions', table: ecdsTable, list: dump => dump.extensions },
  { name: 'eds', aliases: [], what: 'endpoints as they were sent', table: edsTable, list: dump => dump.endpoints },
];

interface Options extends ProxyOptions { readonly file?: string; readonly output: 'short' | 'json' }

/** `proxy-config`: the tables that users of istioctl know. */
export function registerProxyConfig(program: Command, io: Io, done: (code: number) => void): void {
  const parent = program.command('proxy-config').alias('pc').description('print the configuration of one proxy as istioctl does')
    .addHelpText('after', `
Examples:
  $ cdk8s-mesh proxy-config clusters deploy/productpage-v1 dist
  $ cdk8s-mesh pc routes productpage-v1.default           (of the mesh that is up)
  $ cdk8s-mesh pc listeners --file dump.json`);
  for (const kind of KINDS) parent.addCommand(subcommand(kind, io, done));
}

function subcommand(kind: Kind, io: Io, done: (code: number) => void): Command {
  const command = new Command(kind.name).aliases(kind.aliases)
    .description(`print ${kind.what}`)
    .usage('[options] NAME|deploy/NAME|pod/NAME [DIR...] | --file dump.json')
    .argument('[name-and-dirs...]', 'the workload, then folders or files of manifests; without those, a proxy that `up` runs')
    .option('-f, --file <dump>', 'read a config dump (or the output of /clusters?format=json) instead')
    .option('--proxy <workload>', 'the workload, instead of as first argument')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['short', 'json']).default('short'));
  return addProxyOptions(command).addHelpText('after', `
Examples:
  $ cdk8s-mesh proxy-config ${kind.name} deploy/productpage-v1 dist
  $ cdk8s-mesh proxy-config ${kind.name} productpage-v1           (of the mesh that is up)
  $ cdk8s-mesh proxy-config ${kind.name} -n istio-system istio-ingressgateway dist
  $ cdk8s-mesh proxy-config ${kind.name} --file dump.json`)
    .action(async (args: string[], options: Options) => {
      const dump = await dumpOf(kind, args, options, io);
      io.stdout.write(options.output === 'json' ? `${JSON.stringify(kind.list(dump), undefined, 2)}\n` : kind.table(dump));
      done(EXIT.good);
    });
}

/** From a file, from a proxy that runs, or compiled from DIRs. */
async function dumpOf(kind: Kind, args: readonly string[], options: Options, io: Io): Promise<ProxyDump> {
  if (options.file !== undefined) return readDump(readText(options.file, io.cwd), options.file);
  const described = options.proxy !== undefined || options.type !== undefined;
  const [name, ...rest] = described ? [options.proxy, ...args] : args;
  if (rest.length === 0 && name !== undefined) return readDump(await liveDump(name, options.namespace, kind.name === 'endpoints' ? 'clusters' : 'config'), name);
  if (rest.length === 0) throw new UsageError('MESH_INPUT_MISSING: a workload and at least one DIR are named, or a dump by --file, got too little; write `proxy-config routes NAME DIR`');
  const { model, compiler } = readMesh(rest as string[], io);
  const proxy = chooseProxy(model, { ...options, proxy: name });
  return readDump(JSON.stringify(await configDump(model, proxy, compiler.compile(proxy))), 'compiled');
}
