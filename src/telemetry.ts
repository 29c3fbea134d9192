import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { telemetry } from '../imports';
import type { AccessLog } from './access-log';
import type { Mesh } from './mesh';
import type { MetricOverride } from './metric-override';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { policySubject } from './private/policy';
import type { Tracing } from './tracing';

/** Properties for `Telemetry`. */
export interface TelemetryProps {
  /** The mesh whose MeshConfig logs and collectors are registered in; it must be in a chart. */
  readonly mesh: Mesh;
  /**
   * Whose proxies report.
   * @default - those of all workloads of the namespace; in the mesh's root namespace, of all workloads
   */
  readonly service?: IPolicyTarget;
  /**
   * Access logs, as alternatives or together; a later entry about the same log wins.
   * @default - as the namespace or the mesh says
   */
  readonly accessLogs?: AccessLog[];
  /**
   * Changes of what Prometheus is told, in their order.
   * @default - as the namespace or the mesh says
   */
  readonly metrics?: MetricOverride[];
  /**
   * How often metrics of TCP connections that are open are reported, at least 1 millisecond. Renders `reportingInterval`.
   * @default - Istio's own, 5 seconds
   */
  readonly metricsInterval?: Duration;
  /**
   * Spans.
   * @default - as the namespace or the mesh says
   */
  readonly tracing?: Tracing;
  /**
   * Name of the Telemetry.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the Telemetry.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * What proxies report: access logs, metrics, spans. Renders one Telemetry, and the logs and collectors in the MeshConfig of the Mesh. The most
 * specific Telemetry says what holds: of the workload, else of its namespace, else of the mesh's root namespace.
 * @example
 * new Telemetry(this, 'errors', {
 *   mesh: new Mesh(this, 'mesh'),
 *   service: reviews,
 *   accessLogs: [AccessLog.to(LogProvider.json({ fields: { code: '%RESPONSE_CODE%' } }), { filter: 'response.code >= 400' })],
 * });
 */
export class Telemetry extends Construct {
  /** Name of the Telemetry. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_POLICY_EMPTY, MESH_PROVIDER_DUPLICATE, MESH_DURATION_INVALID. */
  public constructor(scope: Construct, id: string, props: TelemetryProps) {
    super(scope, id);
    requireProps(this, 'TelemetryProps', props);
    this.name = requireLabel(this, 'the name of a Telemetry', props.name ?? id, 'choose another construct id or set name');
    const { accessLogs = [], metrics = [], metricsInterval, tracing, mesh, service } = props;
    if (accessLogs.length === 0 && metrics.length === 0 && metricsInterval === undefined && tracing === undefined) {
      throw meshError(this, 'MESH_POLICY_EMPTY', 'a Telemetry must say something, got no accessLogs, metrics, metricsInterval or tracing; set one of them');
    }
    const { namespace, selector } = policySubject(this, service, props.namespace);
    for (const provider of [...accessLogs.map((log) => log._provider), tracing?._provider]) {
      if (provider?._provider !== undefined) mesh._addProvider(this, provider.name, provider._provider);
    }
    this.node.defaultChild = new telemetry.Telemetry(this, 'Telemetry', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: {
        selector,
        accessLogging: accessLogs.length === 0 ? undefined : accessLogs.map((log) => log._toKube()),
        metrics: metrics.length === 0 && metricsInterval === undefined ? undefined : [{
          providers: [{ name: 'prometheus' }],
          overrides: metrics.length === 0 ? undefined : metrics.map((override) => override._toKube()),
          reportingInterval: metricsInterval && durationText(this, 'metricsInterval', metricsInterval),
        }],
        tracing: tracing && [tracing._toKube()],
      },
    });
  }
}

guarded('Telemetry', Telemetry);
