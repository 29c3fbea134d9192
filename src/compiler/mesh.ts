import type { DestinationRuleSpec, VirtualServiceSpec } from './istio-api';
import { Memo } from './memo';
import type { Model } from '../model/model';
import type { Resource } from '../model/resource';
import type { Endpoint, Service } from '../model/service';
import { DestinationRules } from './scope/destination-rules';
import { VirtualServices } from './scope/virtual-services';
import { visibilityOf } from './scope/visibility';
import type { Visibility } from './scope/visibility';
import { PeerAuthentications } from './security/peer-authentication';
import { sameGround, trackedModel } from './tracked-model';

/** A model with its policies indexed, and the table of everything already compiled from it. */
export class Mesh {
  public readonly memo: Memo;
  /** Notes who looks at what, so that results can outlive the model. */
  public readonly model: Model;
  private readonly visibilities = new Map<Service, Visibility>();
  private rules: DestinationRules | undefined;
  private policies: PeerAuthentications | undefined;

  /** @param previous - the mesh before a change, whose results are taken over as far as they are still true */
  public constructor(model: Model, previous?: Mesh) {
    this.memo = new Memo(model, previous !== undefined && sameGround(previous.model, model) ? previous.memo : undefined);
    this.model = trackedModel(model, this.memo);
    // Policies that cannot be read at all are refused now, not when a proxy asks.
    void [this.virtualServices, this.destinationRules, this.peerAuthentications];
  }

  public get virtualServices(): VirtualServices {
    const rules = this.model.of('VirtualService') as unknown as readonly Resource<VirtualServiceSpec>[];
    return this.memo.renew<VirtualServices>('virtualServices', [], [rules], former => new VirtualServices(rules, this.model, this.memo, former));
  }

  public get destinationRules(): DestinationRules {
    // All that they depend on is looked at here, so that whoever asks depends on it too.
    const rules = this.model.of('DestinationRule') as unknown as readonly Resource<DestinationRuleSpec>[];
    return this.rules ??= this.memo.renew<DestinationRules>(
      'destinationRules', [], [rules], former => new DestinationRules(rules, this.model, this.memo, former));
  }

  public get peerAuthentications(): PeerAuthentications {
    // As above.
    this.model.of('PeerAuthentication');
    return this.policies ??= this.memo.get('peerAuthentications', [], () => new PeerAuthentications(this.model));
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
      let last: Endpoint | undefined;
      for (const port of service.ports) {
        for (const endpoint of this.model.endpointsOf(service, port.name)) {
          const { namespace, serviceAccount } = endpoint;
          // Mostly all of a service are of one account.
          if (serviceAccount === undefined || serviceAccount === '' || (serviceAccount === last?.serviceAccount && namespace === last.namespace)) continue;
          found.add(`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
          last = endpoint;
        }
      }
      service.allowedIdentities.forEach(name => found.add(name));
      service.subjectAltNames.forEach(name => found.add(name));
      if (trustDomainAliases.length === 0) return [...found].sort();
      for (const identity of [...found]) {
        if (!identity.startsWith(`spiffe://${trustDomain}/`)) continue;
        const rest = identity.slice(`spiffe://${trustDomain}/`.length);
        trustDomainAliases.forEach(alias => found.add(`spiffe://${alias}/${rest}`));
      }
      return [...found].sort();
    });
  }
}
