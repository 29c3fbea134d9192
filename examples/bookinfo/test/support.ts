import { Testing, Yaml } from 'cdk8s';
import { Bookinfo } from '../bookinfo';
import { TOUR } from '../tour';

/** A Bookinfo to which one task of the tour was applied. */
export function bookinfoWith(task: string): Bookinfo {
  const bookinfo = new Bookinfo(Testing.app(), 'bookinfo');
  TOUR[task].apply(bookinfo);
  return bookinfo;
}

interface Manifest { readonly kind: string }

/** The manifests of these kinds as YAML, all of them unless told. */
export function yamlOf(bookinfo: Bookinfo, ...kinds: string[]): string {
  const manifests = Testing.synth(bookinfo) as Manifest[];
  return Yaml.stringify(...manifests.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind)));
}
