import { both } from './made-up';
import type { Json } from '../../../src/model/json';
import { objectOf, objectsOf, textOf, textsOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import { resolveGateway } from '../../../src/model/names';
import type { Resource } from '../../../src/model/resource';
import { resourceName } from '../../../src/model/resource';

/** One http rule of a VirtualService. */
export interface Rule {
  /** Where it is written: `VirtualService/default/reviews spec.http[0]`. */
  readonly written: string;
  /** The VirtualService with hosts and gateways that it applies to; of a delegated rule, the one that delegates. */
  readonly owner: Resource;
  /** What it matches, one for each alternative; `{}` for anything. */
  readonly matches: readonly Json[];
}

/** All http rules, in the order of the resources. */
export function rulesOf(model: Model): Rule[] {
  const all = model.of('VirtualService');
  return all.filter(owner => textsOf(owner.spec.hosts).length > 0).flatMap(owner => objectsOf(owner.spec.http).flatMap((http, index): Rule[] => {
    const own = matchesOf(http);
    if (http.delegate === undefined) return [{ written: writtenAt(owner, index), owner, matches: own }];
    const { name, namespace } = objectOf(http.delegate);
    const home = textOf(namespace) ?? owner.metadata.namespace;
    const delegate = all.find(({ metadata }) => metadata.name === textOf(name) && metadata.namespace === home);
    return objectsOf(delegate?.spec.http).map((delegated, at) => ({
      written: writtenAt(delegate!, at), owner, matches: own.flatMap(first => matchesOf(delegated).map(second => both(first, second))),
    }));
  }));
}

/** Rules for connections that are not read as HTTP; no request can tell which of them it met. */
export function beyondHttp(model: Model): { written: string; because: string }[] {
  return model.of('VirtualService').flatMap(rule => ['tcp', 'tls'].flatMap(kind => objectsOf(rule.spec[kind])
    .map((_, index) => ({ written: `${resourceName(rule)} spec.${kind}[${index}]`, because: 'a check sends plain HTTP only' }))));
}

/** What a VirtualService is bound to: the mesh, and Gateways by `namespace/name`. */
export function bindingsOf({ spec, metadata }: Resource): readonly string[] {
  const named = textsOf(spec.gateways);
  return named.length === 0 ? ['mesh'] : named.map(reference => resolveGateway(reference, metadata.namespace));
}

const matchesOf = (http: Json): readonly Json[] => {
  const matches = objectsOf(http.match);
  return matches.length === 0 ? [{}] : matches;
};

const writtenAt = (rule: Resource, index: number) => `${resourceName(rule)} spec.http[${index}]`;
