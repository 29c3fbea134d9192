import type { Duration } from 'cdk8s';
import type { telemetry } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger, requireLabel } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';
import { providerService } from './private/provider-service';
import { requireHeaderName } from './private/text';
import type { IRouteDestination } from './route';
import type { WorkloadMode } from './workload-mode';

/** Options of a `TracingProvider`. */
export interface TracingProviderOptions {
  /**
   * Number of the port.
   * @default - the service's only port
   */
  readonly port?: number;
  /**
   * Name of the provider in MeshConfig.
   * @default 'tracing'
   */
  readonly name?: string;
  /**
   * Longest value of the tag with the path of a request, 1 to 4294967295 bytes. Renders `maxTagLength`.
   * @default - Envoy's own, 256
   */
  readonly maxTagLength?: number;
}

/** Options of `TracingProvider.openTelemetryHttp()`. */
export interface HttpTracingProviderOptions extends TracingProviderOptions {
  /**
   * Path that spans are posted to.
   * @default '/v1/traces'
   */
  readonly path?: string;
  /**
   * How long a post may take, at least 1 millisecond.
   * @default - Istio's own
   */
  readonly timeout?: Duration;
}

/** Where sidecars send spans. */
export class TracingProvider {
  /**
   * A collector of OpenTelemetry, by gRPC.
   * Throws MESH_PORT_UNKNOWN, MESH_PORT_AMBIGUOUS, MESH_PROTOCOL_DIFFERENT, MESH_NAMESPACE_MISSING, MESH_NAME_INVALID, MESH_LIMIT_INVALID.
   */
  public static openTelemetry(collector: IRouteDestination, options: TracingProviderOptions = {}): TracingProvider {
    return TracingProvider.of(options, { opentelemetry: { ...providerService(collector, options.port, 'gRPC'), maxTagLength: lengthOf(options) } });
  }

  /** A collector of OpenTelemetry, by HTTP. Throws as `openTelemetry()` does, MESH_PATH_INVALID and MESH_DURATION_INVALID. */
  public static openTelemetryHttp(collector: IRouteDestination, options: HttpTracingProviderOptions = {}): TracingProvider {
    const { path = '/v1/traces', timeout, port } = options;
    if (!path.startsWith('/')) throw meshError(collector, 'MESH_PATH_INVALID', `path must begin with /, got "${path}"; write "/${path}"`);
    const http = { path, timeout: timeout && durationText(collector, 'timeout', timeout) };
    return TracingProvider.of(options, { opentelemetry: { ...providerService(collector, port, 'HTTP'), http, maxTagLength: lengthOf(options) } });
  }

  /** A collector of Zipkin, or one that takes its spans. Throws as `openTelemetry()` does. */
  public static zipkin(collector: IRouteDestination, options: TracingProviderOptions = {}): TracingProvider {
    return TracingProvider.of(options, { zipkin: { ...providerService(collector, options.port, 'HTTP'), maxTagLength: lengthOf(options) } });
  }

  private static of({ name = 'tracing' }: TracingProviderOptions, provider: Record<string, unknown>): TracingProvider {
    return new TracingProvider(requireLabel(undefined, 'the name of a provider', name, 'choose another'), provider);
  }

  private constructor(
    /** Name of the provider in MeshConfig. */ public readonly name: string,
    /** @internal */ public readonly _provider: Record<string, unknown>,
  ) {}
}

guarded('TracingProvider', TracingProvider);

function lengthOf({ maxTagLength }: TracingProviderOptions): number | undefined {
  return maxTagLength === undefined ? undefined : requireInteger(undefined, 'MESH_LIMIT_INVALID', 'maxTagLength', maxTagLength, 1, 4_294_967_295);
}

/** The value of a tag of spans. Renders one `tracing[].customTags`. */
export class TraceTag {
  /** This text. Throws MESH_TAG_INVALID for an empty one. */
  public static literal(value: string): TraceTag { return new TraceTag({ literal: { value: requireText('the text', value) } }); }
  /** The value of a header, or else a default. Throws MESH_HEADER_INVALID. */
  public static header(name: string, defaultValue?: string): TraceTag {
    return new TraceTag({ header: { name: requireHeaderName(name), defaultValue } });
  }

  /** The value of a variable in the sidecar's environment, or else a default. Throws MESH_TAG_INVALID for an empty name. */
  public static environment(name: string, defaultValue?: string): TraceTag {
    return new TraceTag({ environment: { name: requireText('the variable', name), defaultValue } });
  }

  private constructor(/** @internal */ public readonly _tag: telemetry.TelemetrySpecTracingCustomTags) {}
}

guarded('TraceTag', TraceTag);

function requireText(what: string, text: string): string {
  if (text === '') throw meshError(undefined, 'MESH_TAG_INVALID', `${what} of a tag must have a character, got ""; give it one`);
  return text;
}

/** Options of `Tracing.to()`. */
export interface TracingOptions {
  /**
   * Share of requests without a trace of their own that gets one: 0, or 0.01 to 100. Renders `randomSamplingPercentage`.
   * @default - the mesh's own, in Istio 1
   */
  readonly percent?: number;
  /**
   * Tags that spans have besides, by name.
   * @default - none
   */
  readonly tags?: { [name: string]: TraceTag };
  /**
   * Whether spans have Istio's tags: workload, namespace, revision, cluster and mesh. Renders `enableIstioTags`.
   * @default true
   */
  readonly istioTags?: boolean;
  /**
   * Whose spans are meant.
   * @default WorkloadMode.CLIENT_AND_SERVER
   */
  readonly mode?: WorkloadMode;
}

/** Which spans are reported, and where, for `Telemetry.tracing`. Renders the one entry of `tracing[]`. */
export class Tracing {
  /** Spans go to a collector. Throws MESH_PERCENT_INVALID, MESH_TAG_INVALID. */
  public static to(provider: TracingProvider, options: TracingOptions = {}): Tracing {
    const { percent, tags = {} } = options;
    // Envoy draws in steps of a hundredth of a percent.
    if (percent !== undefined && !(percent === 0 || (percent >= 0.01 && percent <= 100))) {
      throw meshError(undefined, 'MESH_PERCENT_INVALID', `percent must be 0, or from 0.01 to 100, got ${percent}; choose one in that range`);
    }
    if (Object.keys(tags).includes('')) throw meshError(undefined, 'MESH_TAG_INVALID', 'a tag must have a name, got ""; give it one');
    return new Tracing(provider, options);
  }

  /** No spans are reported, whatever the namespace or the mesh says; the headers of traces are passed on. */
  public static none(): Tracing { return new Tracing(undefined, {}); }

  private constructor(/** @internal */ public readonly _provider: TracingProvider | undefined, private readonly options: TracingOptions) {}

  /** @internal */
  public _toKube(): telemetry.TelemetrySpecTracing {
    const { percent, tags, istioTags, mode } = this.options;
    return {
      providers: this._provider && [{ name: this._provider.name }],
      disableSpanReporting: this._provider === undefined ? true : undefined,
      randomSamplingPercentage: percent,
      customTags: tags && Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name, tag._tag])),
      enableIstioTags: istioTags,
      match: mode === undefined ? undefined : { mode: mode as string as telemetry.TelemetrySpecTracingMatchMode },
    };
  }
}

guarded('Tracing', Tracing);
