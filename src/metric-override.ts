import type { telemetry } from '../imports';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import type { WorkloadMode } from './workload-mode';

/** Istio's metrics, as Telemetry names them. */
export enum MeshMetric {
  /** All of them. */
  ALL_METRICS = 'ALL_METRICS',
  /** `istio_requests_total`. */
  REQUEST_COUNT = 'REQUEST_COUNT',
  /** `istio_request_duration_milliseconds`. */
  REQUEST_DURATION = 'REQUEST_DURATION',
  /** `istio_request_bytes`. */
  REQUEST_SIZE = 'REQUEST_SIZE',
  /** `istio_response_bytes`. */
  RESPONSE_SIZE = 'RESPONSE_SIZE',
  /** `istio_tcp_connections_opened_total`. */
  TCP_OPENED_CONNECTIONS = 'TCP_OPENED_CONNECTIONS',
  /** `istio_tcp_connections_closed_total`. */
  TCP_CLOSED_CONNECTIONS = 'TCP_CLOSED_CONNECTIONS',
  /** `istio_tcp_sent_bytes_total`. */
  TCP_SENT_BYTES = 'TCP_SENT_BYTES',
  /** `istio_tcp_received_bytes_total`. */
  TCP_RECEIVED_BYTES = 'TCP_RECEIVED_BYTES',
  /** `istio_request_messages_total`. */
  GRPC_REQUEST_MESSAGES = 'GRPC_REQUEST_MESSAGES',
  /** `istio_response_messages_total`. */
  GRPC_RESPONSE_MESSAGES = 'GRPC_RESPONSE_MESSAGES',
}

/** Which metrics a `MetricOverride` is about. */
export interface MetricOverrideOptions {
  /**
   * The metric.
   * @default MeshMetric.ALL_METRICS
   */
  readonly metric?: MeshMetric;
  /**
   * Whose reports are meant.
   * @default WorkloadMode.CLIENT_AND_SERVER
   */
  readonly mode?: WorkloadMode;
}

/** A change of what Prometheus is told, for `Telemetry.metrics`. Renders one `metrics[].overrides[]`. */
export class MetricOverride {
  /** A tag has the value of this expression, of Istio's attributes: `request.host`, or `"text"`. Throws MESH_TAG_INVALID where one is empty. */
  public static setTag(name: string, expression: string, options: MetricOverrideOptions = {}): MetricOverride {
    if (expression === '') throw meshError(undefined, 'MESH_TAG_INVALID', `a tag that is set must have an expression, got "" for "${name}"; use MetricOverride.removeTag()`);
    return new MetricOverride(options, { tagOverrides: { [requireTag(name)]: { operation: 'UPSERT', value: expression } as TagOverride } });
  }

  /** A tag is left out, which makes fewer series. Throws MESH_TAG_INVALID for an empty name. */
  public static removeTag(name: string, options: MetricOverrideOptions = {}): MetricOverride {
    return new MetricOverride(options, { tagOverrides: { [requireTag(name)]: { operation: 'REMOVE' } as TagOverride } });
  }

  /** A metric is not reported. */
  public static disable(options: MetricOverrideOptions = {}): MetricOverride { return new MetricOverride(options, { disabled: true }); }

  /** A metric is reported, though the namespace or the mesh says that it is not. */
  public static enable(options: MetricOverrideOptions = {}): MetricOverride { return new MetricOverride(options, { disabled: false }); }

  private constructor(private readonly options: MetricOverrideOptions, private readonly change: Omit<telemetry.TelemetrySpecMetricsOverrides, 'match'>) {}

  /** @internal */
  public _toKube(): telemetry.TelemetrySpecMetricsOverrides {
    const { metric = MeshMetric.ALL_METRICS, mode } = this.options;
    const match = { metric: metric as string as telemetry.TelemetrySpecMetricsOverridesMatchMetric, mode: mode as string | undefined as Mode };
    return { match, ...this.change };
  }
}

guarded('MetricOverride', MetricOverride);

type TagOverride = telemetry.TelemetrySpecMetricsOverridesTagOverrides;
type Mode = telemetry.TelemetrySpecMetricsOverridesMatchMode | undefined;

function requireTag(name: string): string {
  if (name === '') throw meshError(undefined, 'MESH_TAG_INVALID', 'a tag must have a name, got ""; give it one');
  return name;
}
