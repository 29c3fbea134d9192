import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { UsageError } from './usage-error';
import { findWorkload } from '../../src/model/find-workload';
import type { Model } from '../../src/model/model';
import type { Capture, Dialect, Proxy } from '../../src/model/proxy';
import { proxyFromNode, proxyOf } from '../../src/model/proxy';

/** How a command is told which proxy is meant. */
export interface ProxyOptions {
  readonly proxy?: string;
  readonly namespace?: string;
  readonly type?: 'sidecar' | 'router';
  readonly labels?: Readonly<Record<string, string>>;
  readonly ip?: string;
  readonly serviceAccount?: string;
  readonly capture?: Capture;
  readonly dialect?: Dialect;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** `a=b,c=d`, also given several times. */
export function pairs(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries([...Object.entries(before), ...text.split(',').filter(pair => pair !== '').map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError(`A pair is KEY=VALUE, got ${pair}.`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  })]);
}

/** One `KEY=VALUE` whose value may be JSON. */
function metadata(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`Metadata is KEY=VALUE, got ${text}.`);
  const value = text.slice(at + 1);
  return { ...before, [text.slice(0, at)]: /^[{[]/.test(value) ? json(value) : value };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Options of a proxy as its Pod would imply them, and of one described without a Pod. */
export function addProxyOptions(command: Command): Command {
  return command
    .option('-n, --namespace <namespace>', 'namespace of the workload (default: default)')
    .addOption(new Option('--type <type>', 'describe a proxy without a Pod').choices(['sidecar', 'router']))
    .option('--labels <a=b>', 'labels of that proxy', pairs)
    .option('--ip <address>', 'address of that proxy')
    .option('--service-account <name>', 'service account of that proxy')
    .addOption(new Option('--capture <mode>', 'how traffic reaches the proxy').choices(['iptables', 'explicit']))
    .addOption(new Option('--dialect <dialect>', 'whose Envoy reads the resources').choices(['istio', 'stock']))
    .option('--metadata <key=value>', 'further node metadata; may be given several times', metadata);
}

/** The proxy that the options mean. */
export function chooseProxy(model: Model, options: ProxyOptions): Proxy {
  const { capture = 'iptables', dialect = 'istio' } = options;
  if (options.type === undefined) {
    if (options.proxy === undefined) throw new UsageError('MESH_PROXY_UNNAMED: a proxy is named or described, got neither; add --proxy NAME.NAMESPACE or --type sidecar');
    const workload = findWorkload(model, options.proxy, options.namespace);
    return proxyOf(model, workload, { capture, dialect, metadata: { ...capture === 'explicit' && EXPLICIT, ...options.metadata } });
  }
  const namespace = options.namespace ?? 'default';
  const name = options.proxy ?? options.labels?.app ?? options.type;
  return proxyFromNode({
    id: `${options.type}~${options.ip ?? '10.255.255.254'}~${name}.${namespace}~${namespace}.svc.${model.domain}`,
    cluster: `${name}.${namespace}`,
    metadata: {
      NAME: name,
      NAMESPACE: namespace,
      LABELS: options.labels ?? {},
      SERVICE_ACCOUNT: options.serviceAccount ?? 'default',
      WORKLOAD_NAME: name,
      CLUSTER_ID: model.clusterId,
      ...dialect === 'istio' && { ISTIO_VERSION: '1.32.0' },
      ...capture === 'explicit' && { CAPTURE: 'explicit', ...EXPLICIT },
      ...options.metadata,
    },
  });
}

/** Without `up` nobody has placed the proxy; any block shows the same configuration. */
const EXPLICIT = { ADDRESS_BLOCK: '127.2.0.0/16' };
