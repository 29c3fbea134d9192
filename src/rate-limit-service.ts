import { createHash } from 'node:crypto';
import { ApiObject, JsonPatch, Lazy, Size, Yaml } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { MeshPort } from './mesh-port';
import { MeshService } from './mesh-service';
import { guarded, requireProps } from './private/arguments';
import { requireInteger } from './private/check';
import { finding, meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { CONFIG_MAP_LIMIT } from './private/runtime-pods';

/** Properties for `RateLimitService`. */
export interface RateLimitServiceProps {
  /** Where Redis is, `HOST:PORT`. It keeps the counts, and is no part of what is rendered. */
  readonly redis: string;
  /**
   * Whether Redis is spoken to by TLS.
   * @default false
   */
  readonly redisTls?: boolean;
  /**
   * The password of Redis, `USER:PASSWORD` or `PASSWORD`, in a Secret.
   * @default - Redis asks for none
   */
  readonly redisPassword?: kplus.SecretValue;
  /**
   * How many pods, from 0. They share the counts.
   * @default 2
   */
  readonly replicas?: number;
  /**
   * Image of Envoy's rate-limit service.
   * @default 'docker.io/envoyproxy/ratelimit:3fb70258'
   */
  readonly image?: string;
  /**
   * Name of the service, and of what belongs to it.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the service, which proxies know it by.
   * @default - the chart's
   */
  readonly namespace?: string;
}

const GRPC_PORT = 8081;
const HTTP_PORT = 8080;
/** `nonroot` of the image. */
const USER = 65532;
/** The service reads every file of ROOT/SUBDIRECTORY/config. */
const ROOT = '/data';
const SUBDIRECTORY = 'ratelimit';

/**
 * Envoy's own rate-limit service, which counts for all proxies together; the counts are in Redis. For `RateLimitQuota.global()`.
 * Renders a Service, a ServiceAccount and a Deployment, a ConfigMap with the quotas, with which the pods are replaced, and a DestinationRule.
 * @example
 * const quotas = new RateLimitService(this, 'quotas', { redis: 'redis.shop:6379', namespace: 'shop' });
 * new RateLimit(this, 'login', { service: reviews, quota: RateLimitQuota.global({ service: quotas, requests: 10, per: Duration.minutes(1) }) });
 */
export class RateLimitService extends Construct {
  /** The service that proxies ask; for scopes and rules that name it. */
  public readonly service: MeshService;
  private readonly quotas = new Map<string, unknown>();

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_MISSING, MESH_ADDRESS_INVALID, MESH_LIMIT_INVALID. */
  public constructor(scope: Construct, id: string, props: RateLimitServiceProps) {
    super(scope, id);
    requireProps(this, 'RateLimitServiceProps', props);
    const { redis, redisTls, redisPassword, image, name = id, namespace } = props;
    const [, host, port] = /^(.+):(\d{1,5})$/.exec(redis) ?? [];
    if (host === undefined || /[\s/@,]/.test(host) || Number(port) < 1 || Number(port) > 65535) {
      throw meshError(this, 'MESH_ADDRESS_INVALID', `redis must be HOST:PORT, got "${redis}"; write e.g. redis.data:6379`);
    }
    const replicas = requireInteger(this, 'MESH_LIMIT_INVALID', 'replicas', props.replicas ?? 2, 0, 2_147_483_647);
    this.service = new MeshService(this, 'Service', { ports: [MeshPort.grpc(GRPC_PORT)], name, namespace });
    this.service.hostFrom(''); // throws here where the namespace is not known
    const { workload } = this.service.addVersion('v1', {
      replicas,
      podMetadata: { annotations: { 'cdk8s-mesh.dev/configuration': Lazy.any({ produce: () => this.hash() }) as string } },
      containers: [{
        image: image ?? 'docker.io/envoyproxy/ratelimit:3fb70258',
        command: ['/bin/ratelimit'],
        ports: [{ number: GRPC_PORT, name: 'grpc' }, { number: HTTP_PORT, name: 'http' }],
        envVariables: {
          ...variables({ REDIS_URL: redis, REDIS_TLS: String(redisTls ?? false) }),
          ...(redisPassword && { REDIS_AUTH: kplus.EnvValue.fromSecretValue(redisPassword) }),
        },
        volumeMounts: [{ path: `${ROOT}/${SUBDIRECTORY}/config`, volume: this.quotaVolume(`${name}-quotas`), readOnly: true }],
        readiness: kplus.Probe.fromHttpGet('/healthcheck', { port: HTTP_PORT }),
        liveness: kplus.Probe.fromHttpGet('/healthcheck', { port: HTTP_PORT }),
        resources: { cpu: { request: kplus.Cpu.millis(50) }, memory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) } },
        securityContext: { user: USER, group: USER },
      }],
    });
    this.node.defaultChild = workload;
    // What the restricted pod security standard asks for and cdk8s-plus does not say.
    ApiObject.of(workload).addJsonPatch(
      JsonPatch.add('/spec/template/spec/securityContext/seccompProfile', { type: 'RuntimeDefault' }),
      JsonPatch.add('/spec/template/spec/containers/0/securityContext/capabilities', { drop: ['ALL'] }),
    );
  }

  /** Counts for a domain of its own, whose requests never meet another's quota. @internal */
  public _addQuota(domain: string, descriptor: Readonly<Record<string, unknown>>): void {
    this.quotas.set(domain, { domain, descriptors: [descriptor] });
  }

  private quotaVolume(name: string): kplus.Volume {
    new ApiObject(this, 'Quotas', {
      apiVersion: 'v1', kind: 'ConfigMap', metadata: ownedMetadata(this, name, this.service.namespace), data: Lazy.any({ produce: () => this.files() }),
    });
    this.node.addValidation({
      validate: () => {
        const bytes = Buffer.byteLength(JSON.stringify(this.files()));
        return bytes <= CONFIG_MAP_LIMIT ? [] : [finding('MESH_CONFIG_MAP_SIZE', `a ConfigMap holds at most ${CONFIG_MAP_LIMIT} bytes, got ${bytes} of quotas; share them among services`)];
      },
    });
    return kplus.Volume.fromConfigMap(this, 'Volume', kplus.ConfigMap.fromConfigMapName(this, 'Existing', name), { name: 'quotas' });
  }

  /** One file for each domain. */
  private files(): Record<string, string> {
    const sorted = [...this.quotas].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([domain, quota]) => [`${domain.replace('/', '.')}.yaml`, Yaml.stringify(quota)]));
  }

  /** Of the quotas, in pods that read them as they start. */
  private hash(): string { return createHash('sha256').update(JSON.stringify(this.files())).digest('hex').slice(0, 16); }
}

guarded('RateLimitService', RateLimitService);

function variables(own: Readonly<Record<string, string>>): Record<string, kplus.EnvValue> {
  const all = {
    LOG_LEVEL: 'warn',
    USE_STATSD: 'false',
    REDIS_SOCKET_TYPE: 'tcp',
    RUNTIME_ROOT: ROOT,
    RUNTIME_SUBDIRECTORY: SUBDIRECTORY,
    RUNTIME_WATCH_ROOT: 'false',
    RUNTIME_IGNOREDOTFILES: 'true',
    ...own,
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)]));
}
