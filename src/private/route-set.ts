import type { IConstruct } from 'constructs';
import { HostRoutes } from './host-routes';
import type { HttpRule } from './http-rule';
import { L4Routes } from './l4-routes';
import type { networking } from '../../imports';

/** All rules of one VirtualService. */
export class RouteSet {
  public readonly http: HostRoutes;
  public readonly tls: L4Routes;
  public readonly tcp: L4Routes;

  /**
   * @param host what messages call it
   * @param fallback the HTTP rule that stands where faults are added to a host without rules
   */
  public constructor(host: string, fallback?: () => HttpRule) {
    this.http = new HostRoutes(host, fallback);
    this.tls = new L4Routes('TLS', host);
    this.tcp = new L4Routes('TCP', host);
  }

  public get isEmpty(): boolean { return this.http.isEmpty && this.tls.isEmpty && this.tcp.isEmpty; }

  /** Adds a rule on behalf of a construct. */
  public addHttp(owner: IConstruct, priority: number | undefined, rule: HttpRule): void {
    this.http.addRoute(owner, rule.name!, priority ?? 0, rule);
  }

  public render(): Pick<networking.VirtualServiceSpec, 'http' | 'tls' | 'tcp'> {
    return {
      http: this.http.isEmpty ? undefined : this.http.render(),
      tls: this.tls.render() as networking.VirtualServiceSpecTls[] | undefined,
      tcp: this.tcp.render(),
    };
  }
}
