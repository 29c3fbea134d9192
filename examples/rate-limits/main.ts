import { App, Chart, Duration } from 'cdk8s';
import {
  EnvoyPatch, HttpMethod, LuaExtension, Mesh, MeshPort, MeshService, PatchContext, PatchOperation, PatchTarget, PathMatch, RateLimit, RateLimitKey,
  RateLimitQuota, RateLimitService, RouteMatch,
} from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** What Envoy can do and no resource of Istio says. The Mesh proves at synthesis that each patch takes hold where it should. */
export class RateLimits extends Chart {
  public readonly front: MeshService;
  public readonly accounts: MeshService;
  public readonly quotas: RateLimitService;

  public constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'shop' });
    new Mesh(this, 'mesh');
    this.front = this.service('front');
    this.accounts = this.service('accounts');

    // Ten passwords a minute may be tried, at each pod; all other requests stay free. The rest gets 429.
    new RateLimit(this, 'login', {
      service: this.accounts,
      quota: RateLimitQuota.local({ requests: 10, per: Duration.minutes(1) }),
      match: [RouteMatch.http({ path: PathMatch.exactly('/login'), method: HttpMethod.POST })],
    });

    // A thousand searches an hour for each API key, whichever pod answers them: Envoy's rate-limit service counts, in a Redis that is there.
    this.quotas = new RateLimitService(this, 'quotas', { redis: 'redis.data.svc.cluster.local:6379' });
    new RateLimit(this, 'search', {
      service: this.accounts,
      quota: RateLimitQuota.global({ service: this.quotas, requests: 1000, per: Duration.hours(1), each: [RateLimitKey.header('x-api-key')] }),
      match: [RouteMatch.http({ path: PathMatch.under('/search') })],
    });

    // A script for what is too small for a program: applications see nobody's tracking header.
    new LuaExtension(this, 'no-tracking', {
      service: this.accounts,
      code: 'function envoy_on_request(handle)\n  handle:headers():remove("x-tracking-id")\nend\n',
    });

    // Envoy's own configuration where there is no construct: answers do not say which server gave them. Two chains come in: mutual TLS and plain text.
    new EnvoyPatch(this, 'no-server-header', {
      service: this.accounts,
      applyTo: PatchTarget.NETWORK_FILTER,
      context: PatchContext.SIDECAR_INBOUND,
      match: { listener: { portNumber: 8080, filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } },
      operation: PatchOperation.MERGE,
      value: {
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
          'server_header_transformation': 'PASS_THROUGH',
        },
      },
      expectMatches: 2,
    });
    restricted(this);
  }

  private service(name: string): MeshService {
    const service = new MeshService(this, name, { ports: [MeshPort.http(8080)] });
    service.addVersion('v1', { containers: [{ image: `registry.example/${name}:1.0` }] });
    return service;
  }
}

if (require.main === module) {
  const app = new App();
  new RateLimits(app, 'rate-limits');
  app.synth();
}
