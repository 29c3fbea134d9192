import { Construct } from 'constructs';
import { extensions } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireInteger, requireLabel, requirePort } from './private/check';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { policySubject } from './private/policy';
import type { WasmModule } from './wasm-module';
import type { WorkloadMode } from './workload-mode';

/** Where among Istio's own filters an extension runs. */
export enum WasmPhase {
  /** Before tokens are checked. */
  AUTHN = 'AUTHN',
  /** After tokens, before access rules. */
  AUTHZ = 'AUTHZ',
  /** After access rules, before metrics. */
  STATS = 'STATS',
}

/** What becomes of requests while a module cannot be fetched, or has failed. */
export enum WasmFailStrategy {
  /** They are refused. */
  FAIL_CLOSE = 'FAIL_CLOSE',
  /** They pass by it: not for a module that protects something. */
  FAIL_OPEN = 'FAIL_OPEN',
  /** A module that failed while running is started anew; one that cannot be fetched refuses them. */
  FAIL_RELOAD = 'FAIL_RELOAD',
}

/** What traffic passes an extension. */
export interface WasmMatch {
  /**
   * Which way it goes: out of workloads and through gateways (CLIENT), or in to workloads (SERVER).
   * @default WorkloadMode.CLIENT_AND_SERVER
   */
  readonly mode?: WorkloadMode;
  /**
   * Numbers of ports: those that are dialled, or, where traffic comes in, those that containers listen on.
   * @default - any
   */
  readonly ports?: number[];
}

/** Properties for `WasmExtension`. */
export interface WasmExtensionProps {
  /** What runs. */
  readonly module: WasmModule;
  /**
   * Whose proxies run it.
   * @default - those of all workloads of the namespace; in the mesh's root namespace, of all workloads
   */
  readonly service?: IPolicyTarget;
  /**
   * Where among Istio's own filters it runs.
   * @default - after them, right before requests leave the proxy
   */
  readonly phase?: WasmPhase;
  /**
   * Order in its phase: higher numbers first, -2147483648 to 2147483647.
   * @default - after all that have one
   */
  readonly priority?: number;
  /**
   * What becomes of requests while it does not run. Renders `failStrategy`.
   * @default WasmFailStrategy.FAIL_CLOSE
   */
  readonly onFailure?: WasmFailStrategy;
  /**
   * What traffic passes it, as alternatives.
   * @default - all
   */
  readonly match?: WasmMatch[];
  /**
   * Its configuration: an object, in JSON. Renders `pluginConfig`.
   * @default - none
   */
  readonly config?: { [key: string]: any };
  /**
   * Variables of its environment, by name; at most 256 with `hostEnv`. `''` is a value.
   * @default - none
   */
  readonly env?: { [name: string]: string };
  /**
   * Names of variables of the proxy's environment that it sees.
   * @default - none
   */
  readonly hostEnv?: string[];
  /**
   * Which of the plugins in the module runs, 1 to 256 characters. Renders `pluginName`.
   * @default - the module's only one
   */
  readonly pluginName?: string;
  /**
   * Whether it sees bytes of connections rather than requests. Renders `type: NETWORK`.
   * @default false
   */
  readonly onConnections?: boolean;
  /**
   * Name of the WasmPlugin.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the WasmPlugin.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * A WebAssembly module that runs in proxies. Renders one WasmPlugin. Istio's sidecars fetch the module by themselves, and requests wait for it.
 * @example
 * new WasmExtension(this, 'auth', { service: reviews, module: WasmModule.oci('registry.example/auth:1.0'), phase: WasmPhase.AUTHN, config: { realm: 'shop' } });
 */
export class WasmExtension extends Construct {
  /** Name of the WasmPlugin. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_PRIORITY_RANGE, MESH_PORT_INVALID, MESH_PLUGIN_INVALID, MESH_LIMIT_INVALID. */
  public constructor(scope: Construct, id: string, props: WasmExtensionProps) {
    super(scope, id);
    requireProps(this, 'WasmExtensionProps', props);
    this.name = requireLabel(this, 'the name of a WasmPlugin', props.name ?? id, 'choose another construct id or set name');
    const { module, service, phase, priority, onFailure, config, pluginName, onConnections } = props;
    if (priority !== undefined) requireInteger(this, 'MESH_PRIORITY_RANGE', 'priority', priority, -2147483648, 2147483647);
    if (pluginName !== undefined) this.requireLength('pluginName', pluginName, 256);
    const { namespace, selector } = policySubject(this, service, props.namespace);
    this.node.defaultChild = new extensions.WasmPlugin(this, 'WasmPlugin', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: {
        ...module._toKube(),
        selector,
        phase: phase as string | undefined as extensions.WasmPluginSpecPhase | undefined,
        priority,
        failStrategy: onFailure as string | undefined as extensions.WasmPluginSpecFailStrategy | undefined,
        match: this.match(props),
        pluginConfig: config,
        pluginName,
        vmConfig: this.environment(props),
        type: onConnections === true ? extensions.WasmPluginSpecType.NETWORK : undefined,
      },
    });
  }

  private match({ match }: WasmExtensionProps): extensions.WasmPluginSpecMatch[] | undefined {
    if (match?.length === 0) throw meshError(this, 'MESH_PLUGIN_INVALID', 'match must have an alternative, got []; leave it away for all traffic');
    return match?.map(({ mode, ports }) => ({
      mode: mode as string | undefined as extensions.WasmPluginSpecMatchMode | undefined,
      ports: ports?.map((number) => ({ number: requirePort('a port of match', number, this) })),
    }));
  }

  private environment({ env = {}, hostEnv = [] }: WasmExtensionProps): extensions.WasmPluginSpecVmConfig | undefined {
    const names = [...Object.keys(env), ...hostEnv];
    if (names.length === 0) return undefined;
    requireInteger(this, 'MESH_LIMIT_INVALID', 'the number of variables', names.length, 1, 256);
    names.forEach((name, index) => {
      this.requireLength('the name of a variable', name, 256);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw meshError(this, 'MESH_PLUGIN_INVALID', `the name of a variable must be letters, digits and _, not first a digit, got "${name}"; rename it`);
      if (names.indexOf(name) !== index) throw meshError(this, 'MESH_PLUGIN_INVALID', `variables must differ by name, got ${name} twice; leave one of the two away`);
    });
    for (const value of Object.values(env)) requireInteger(this, 'MESH_LIMIT_INVALID', 'the length of a variable', value.length, 0, 2048);
    return {
      env: [
        ...Object.entries(env).map(([name, value]) => ({ name, value })),
        ...hostEnv.map((name) => ({ name, valueFrom: extensions.WasmPluginSpecVmConfigEnvValueFrom.HOST })),
      ],
    };
  }

  private requireLength(what: string, text: string, most: number): void {
    requireInteger(this, 'MESH_LIMIT_INVALID', `the length of ${what}`, text.length, 1, most);
  }
}

guarded('WasmExtension', WasmExtension);
