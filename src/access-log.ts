import type { telemetry } from '../imports';
import { guarded } from './private/arguments';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import type { WorkloadMode } from './workload-mode';

/** Options of a `LogProvider`. */
export interface LogFileOptions {
  /**
   * File that is written to.
   * @default '/dev/stdout'
   */
  readonly path?: string;
  /**
   * Name of the provider in MeshConfig.
   * @default 'access-log'
   */
  readonly name?: string;
  /**
   * Whether what has no value is left out, rather than written as `-` (in JSON as `null`).
   * @default false
   */
  readonly omitEmptyValues?: boolean;
}

/** Options of `LogProvider.text()`. */
export interface TextLogOptions extends LogFileOptions {
  /**
   * What a line says, with Envoy's command operators: `%REQ(:METHOD)% %RESPONSE_CODE%`. A line feed is added where there is none.
   * @default - Istio's own format
   */
  readonly format?: string;
}

/** Options of `LogProvider.json()`. */
export interface JsonLogOptions extends LogFileOptions {
  /** The value of each field, with Envoy's command operators; at least one. */
  readonly fields: { [name: string]: string };
}

/** Where sidecars write access logs, and how. */
export class LogProvider {
  /** Istio's own: to standard output, in Istio's format. */
  public static istio(): LogProvider { return new LogProvider('envoy'); }

  /** Lines of text. Throws MESH_NAME_INVALID, MESH_LOG_FORMAT. */
  public static text(options: TextLogOptions = {}): LogProvider {
    const { format } = options;
    if (format !== undefined) requireFormat('format', format);
    return LogProvider.file(options, format === undefined ? undefined : { text: format });
  }

  /** An object of JSON in each line. Throws MESH_NAME_INVALID, MESH_LOG_FORMAT. */
  public static json(options: JsonLogOptions): LogProvider {
    const fields = Object.entries(options.fields);
    if (fields.length === 0) throw meshError(undefined, 'MESH_LOG_FORMAT', 'fields must have at least one, got {}; use LogProvider.text() for Istio\'s own format');
    for (const [name, value] of fields) requireFormat(`field "${name}"`, value);
    return LogProvider.file(options, { labels: { ...options.fields } });
  }

  private static file({ path = '/dev/stdout', name = 'access-log', omitEmptyValues }: LogFileOptions, logFormat: object | undefined): LogProvider {
    requireLabel(undefined, 'the name of a provider', name, 'choose another');
    return new LogProvider(name, { envoyFileAccessLog: { path, logFormat, omitEmptyValues } });
  }

  private constructor(
    /** Name of the provider in MeshConfig. */ public readonly name: string,
    /** What is registered; undefined for what every mesh has. @internal */ public readonly _provider?: Record<string, unknown>,
  ) {}
}

guarded('LogProvider', LogProvider);

/** Envoy refuses a whole listener with a format that it cannot read. */
function requireFormat(what: string, format: string): void {
  if (format.replace(/%%|%[A-Z][A-Z0-9_]*(\([^)]*\))?(:[^%]+)?%/g, '').includes('%')) {
    throw meshError(undefined, 'MESH_LOG_FORMAT', `a percent sign of ${what} must be doubled, or enclose a command operator of Envoy, got "${format}"; write %%`);
  }
}

/** Options of `AccessLog.to()`. */
export interface AccessLogOptions {
  /**
   * Which requests are logged, in CEL, e.g. `response.code >= 400`. Renders `filter.expression`. A `Mesh` checks it at synthesis.
   * @default - all
   */
  readonly filter?: string;
  /**
   * Whose reports are meant.
   * @default WorkloadMode.CLIENT_AND_SERVER
   */
  readonly mode?: WorkloadMode;
}

/** An access log that is written, or not, for `Telemetry.accessLogs`. Renders one `accessLogging[]`. */
export class AccessLog {
  /** Requests are written to a log. */
  public static to(provider: LogProvider, options: AccessLogOptions = {}): AccessLog { return new AccessLog(provider, options); }
  /** Nothing is written, whatever the namespace or the mesh says. */
  public static none(mode?: WorkloadMode): AccessLog { return new AccessLog(undefined, { mode }); }

  private constructor(/** @internal */ public readonly _provider: LogProvider | undefined, private readonly options: AccessLogOptions) {}

  /** @internal */
  public _toKube(): telemetry.TelemetrySpecAccessLogging {
    const { filter, mode } = this.options;
    return {
      providers: this._provider && [{ name: this._provider.name }],
      disabled: this._provider === undefined ? true : undefined,
      filter: filter === undefined ? undefined : { expression: filter },
      match: mode === undefined ? undefined : { mode: mode as string as telemetry.TelemetrySpecAccessLoggingMatchMode },
    };
  }
}

guarded('AccessLog', AccessLog);
