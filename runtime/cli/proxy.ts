import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { EXIT } from './exit';
import { startHealth } from './health';
import type { Io } from './io';
import { hostOf, portOf, whenAborted } from './serving';
import { canListen } from './up/placement';
import { UsageError } from './usage-error';
import { startProxy } from '../proxy';

interface Options {
  readonly xds: { readonly host: string; readonly port: number };
  readonly type: 'sidecar' | 'router';
  readonly ip?: string;
  readonly name?: string;
  readonly namespace: string;
  readonly block: string;
  readonly appPorts?: string;
  readonly admin?: number;
  readonly health?: number;
}

/** `proxy`: the reference proxy beside one application, in explicit capture. */
export function registerProxy(program: Command, io: Io, done: (code: number) => void): void {
  const fromEnvironment = (option: Option, variable: string): Option => {
    const value = io.env[variable];
    // Commander would read the process's environment; a command knows only the one it is given.
    return value === undefined || value === '' ? option : option.default(option.parseArg === undefined ? value : option.parseArg(value, undefined), `$${variable}`);
  };
  program.command('proxy')
    .description('run the reference proxy beside an application')
    .requiredOption('--xds <host:port>', 'control plane to ask', addressOf)
    .addOption(new Option('--type <type>', 'beside an application, or a gateway').choices(['sidecar', 'router']).default('sidecar'))
    .addOption(fromEnvironment(new Option('--ip <address>', 'the Pod\'s address, where others reach it').argParser(hostOf), 'POD_IP'))
    .addOption(fromEnvironment(new Option('--name <pod>', 'the Pod\'s name'), 'POD_NAME'))
    .addOption(fromEnvironment(new Option('--namespace <namespace>', 'its namespace').default('default'), 'POD_NAMESPACE'))
    .addOption(fromEnvironment(new Option('--block <block>', 'loopback addresses that stand for services').default('127.1.0.0/16'), 'ADDRESS_BLOCK'))
    .addOption(fromEnvironment(new Option('--app-ports <json>', 'where the application listens, where not on its own ports: {"9080":"8080"}').argParser(jsonOf), 'APP_PORTS'))
    .addOption(new Option('--admin <number>', 'port of the admin interface, on 127.0.0.1').argParser(portOf))
    .addOption(fromEnvironment(new Option('--health <number>', 'port of /healthz/ready on the Pod\'s address, for a kubelet').argParser(portOf), 'HEALTH_PORT'))
    .addHelpText('after', `
The application dials loopback addresses, one for each service, and others dial the Pod's address at the application's port + 10000.
The proxy keeps serving its last configuration while the control plane is away.

Examples:
  $ POD_NAME=web-1 POD_IP=10.0.0.7 cdk8s-mesh proxy --xds control-plane:15010
  $ cdk8s-mesh proxy --xds 127.0.0.1:15010 --name web-1 --ip 127.7.0.1 --block 127.7.0.0/16 --admin 15000`)
    .action(async (options: Options) => done(await serve(options, io)));
}

async function serve({ xds, type, ip, name, namespace, block, appPorts, admin, health }: Options, io: Io): Promise<number> {
  if (ip === undefined || name === undefined) {
    const [option, variable] = ip === undefined ? ['--ip', 'POD_IP'] : ['--name', 'POD_NAME'];
    throw new UsageError(`MESH_INPUT_MISSING: a proxy has the name and the address of its Pod, got no ${option}; give ${option} or set ${variable}`);
  }
  const metadata = {
    NAME: name,
    NAMESPACE: namespace,
    INSTANCE_IPS: ip,
    CAPTURE: 'explicit',
    ADDRESS_BLOCK: block,
    ...appPorts !== undefined && { APP_PORTS: appPorts },
    // Where ports below 1024 are refused, services are reached at other ones.
    ...(await canListen('127.0.0.1', 1))?.code === 'EACCES' && { UNPRIVILEGED_POD: 'true' },
  };
  const stop = new AbortController();
  const end = (): void => stop.abort();
  io.signal.addEventListener('abort', end, { once: true });
  const proxy = await startProxy({
    node: { id: `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`, cluster: `${name}.${namespace}`, metadata },
    xds,
    ...admin !== undefined && { admin: { host: '127.0.0.1', port: admin } },
    accessLog: line => io.stdout.write(line.endsWith('\n') ? line : `${line}\n`),
    log: line => io.stderr.write(`${line}\n`),
    onQuit: end,
  });
  let ready = false;
  void proxy.ready.then(() => {
    ready = true;
    io.stdout.write(`${name}.${namespace} is ready\n`);
  });
  const answering = health === undefined ? undefined : await startHealth(ip, health, () => ready);
  if (!io.signal.aborted) await whenAborted(stop.signal);
  await answering?.close();
  await proxy.close();
  return io.signal.aborted ? EXIT.interrupted : EXIT.good;
}

function addressOf(text: string): Options['xds'] {
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new InvalidArgumentError('must be HOST:PORT.');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function jsonOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // told below
  }
  throw new InvalidArgumentError('must be a JSON object of ports.');
}
