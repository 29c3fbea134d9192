import { Memo } from './memo';
import type { Model } from '../model/model';
import type { Service } from '../model/service';
import { DestinationRules } from './scope/destination-rules';
import { VirtualServices } from './scope/virtual-services';
import { visibilityOf } from './scope/visibility';
import type { Visibility } from './scope/visibility';
import { PeerAuthentications } from './security/peer-authentication';

/** A model with its policies indexed, and the table of everything already compiled from it. */
export class Mesh {
  public readonly memo = new Memo();
  public readonly virtualServices: VirtualServices;
  public readonly destinationRules: DestinationRules;
  public readonly peerAuthentications: PeerAuthentications;
  private readonly visibilities = new Map<Service, Visibility>();

  public constructor(public readonly model: Model) {
    this.virtualServices = new VirtualServices(model);
    this.destinationRules = new DestinationRules(model);
    this.peerAuthentications = new PeerAuthentications(model);
  }

  public visibilityOf(service: Service): Visibility {
    let visibility = this.visibilities.get(service);
    if (visibility === undefined) {
      visibility = visibilityOf(service.exportTo, service.namespace, this.model.config.defaultServiceExportTo);
      this.visibilities.set(service, visibility);
    }
    return visibility;
  }

  /** SPIFFE identities behind a service, sorted: those of its endpoints and those its annotations name. */
  public identitiesOf(service: Service): readonly string[] {
    return this.memo.get('identities', [service], () => {
      const { trustDomain, trustDomainAliases } = this.model.config;
      const found = new Set<string>();
      for (const port of service.ports) {
        for (const endpoint of this.model.endpointsOf(service, port.name)) {
          if (endpoint.serviceAccount !== undefined && endpoint.serviceAccount !== '') {
            found.add(`spiffe://${trustDomain}/ns/${endpoint.namespace}/sa/${endpoint.serviceAccount}`);
          }
        }
      }
      const named = (key: string): string[] => (service.annotations[key] ?? '').split(',').map(name => name.trim()).filter(name => name !== '');
      named('alpha.istio.io/kubernetes-serviceaccounts').forEach(name => found.add(`spiffe://${trustDomain}/ns/${service.namespace}/sa/${name}`));
      service.subjectAltNames.forEach(name => found.add(name));
      named('alpha.istio.io/canonical-serviceaccounts').forEach(name => found.add(name));
      for (const identity of [...found]) {
        if (!identity.startsWith(`spiffe://${trustDomain}/`)) continue;
        const rest = identity.slice(`spiffe://${trustDomain}/`.length);
        trustDomainAliases.forEach(alias => found.add(`spiffe://${alias}/${rest}`));
      }
      return [...found].sort();
    });
  }
}
