import { ANNOTATIONS } from './annotation-table';
import type { Checked } from './annotation-table';
import type { Resource } from '../../model/resource';
import { closest } from '../../model/suggest';
import type { Context } from '../rules/context';
import { doubtful, invalid } from '../rules/context';
import { KNOWN_KINDS } from '../schema/check';

/** Kinds on which Istio reads annotations. */
const KINDS = ['Namespace', 'Service', 'Pod', 'Deployment'] as const;

const TABLE: ReadonlyMap<string, typeof ANNOTATIONS[number]> = new Map(ANNOTATIONS.map(each => [each[0], each]));

/** Annotations that nobody reads (IST0108), that are old (IST0135), on the wrong kind (IST0107), or of the wrong form (IST0125). */
export function annotationAnalysis(context: Context): void {
  for (const kind of KINDS) for (const resource of context.model.of(kind)) if (resource.metadata.namespace !== 'istio-system') annotationsOf(context, resource, kind);
  for (const kind of KNOWN_KINDS) for (const resource of context.model.of(kind)) ofAdmission(context, resource);
}

function annotationsOf(context: Context, resource: Resource, kind: string): void {
  const { annotations, labels } = resource.metadata;
  for (const [key, value] of Object.entries(annotations)) {
    const [prefix] = key.split('/');
    if (!prefix.endsWith('istio.io') && key !== 'kubernetes.io/ingress.class') continue;
    const path = ['metadata', 'annotations', key];
    const known = TABLE.get(key);
    if (known === undefined) {
      const meant = closest(key, TABLE.keys());
      context.report(resource, path, doubtful('MESH_ANNOTATION_UNKNOWN', `an annotation of Istio is one that it reads, got ${key}`, meant === undefined ? 'remove it' : `did you mean ${meant}?`, 'IST0108'));
      continue;
    }
    const [, kinds, check, instead] = known;
    if (!kinds.includes('Any') && !kinds.includes(kind)) {
      context.report(resource, path, doubtful('MESH_ANNOTATION_MISPLACED', `${key} is read on ${kinds.join(', ')}, got it on a ${kind}`, `move it to the ${kinds[0]}`, 'IST0107'));
    }
    if (instead !== undefined && !(key === 'sidecar.istio.io/inject' && labels[key] !== undefined)) {
      context.report(resource, path, { code: 'MESH_FIELD_DEPRECATED', istioCode: 'IST0135', severity: 'info', message: `${key} is deprecated, got it`, repair: instead });
    }
    const reason = check === undefined ? undefined : CHECKS[check](value);
    if (reason !== undefined) context.report(resource, path, doubtful('MESH_ANNOTATION_INVALID', `${key} ${reason}, got ${JSON.stringify(value)}`, 'correct the value', 'IST0125'));
  }
}

const list = (text: string): string[] => (text === '' ? [] : text.split(',').map(part => part.trim()));
const isBlock = (text: string) => /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(text) || (text.includes(':') && /^[0-9a-fA-F:.]+(\/\d{1,3})?$/.test(text));
const isPortText = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;

/** What is wrong with a value, by the form it should have. */
const CHECKS: Readonly<Record<Checked, (value: string) => string | undefined>> = {
  boolean: value => (/^(?:true|false|1|0|t|f|T|F|TRUE|FALSE|True|False)$/.test(value) ? undefined : 'is true or false'),
  blocks: value => (value === '*' || list(value).every(isBlock) ? undefined : 'lists blocks of addresses, or *'),
  ports: value => (list(value).every(isPortText) ? undefined : 'lists ports'),
  portsOrAll: value => (value === '*' || list(value).every(isPortText) ? undefined : 'lists ports, or *'),
  port: value => (/^\d{1,5}$/.test(value) && Number(value) <= 65535 ? undefined : 'is a port'),
  number: value => (/^\d+$/.test(value) ? undefined : 'is a number'),
  interception: value => (['REDIRECT', 'TPROXY', 'NONE'].includes(value) ? undefined : 'is REDIRECT, TPROXY or NONE'),
};

const DRY_RUN = 'istio.io/dry-run';

/** What istiod writes on objects that it makes itself, and refuses on those of others. */
const INTERNAL = ['internal.istio.io/webhook-always-reject', 'internal.istio.io/parents', 'internal.istio.io/parent-namespace'] as const;

/** §1.1: dry-run belongs to policies of action ALLOW and DENY, and what istiod writes belongs to nobody else. */
function ofAdmission(context: Context, resource: Resource): void {
  const { annotations } = resource.metadata;
  const refuse = (key: string, code: string, message: string, repair: string) => context.report(resource, ['metadata', 'annotations', key], invalid(code, message, repair));
  for (const key of INTERNAL) {
    if (annotations[key] !== undefined) refuse(key, 'MESH_ANNOTATION_INTERNAL', `${key} is written by istiod alone, got it on a ${resource.kind}`, 'remove it');
  }
  const value = annotations[DRY_RUN];
  if (value === undefined) return;
  const action = resource.spec?.action ?? 'ALLOW';
  if (resource.kind !== 'AuthorizationPolicy') refuse(DRY_RUN, 'MESH_ANNOTATION_MISPLACED', `${DRY_RUN} is read on AuthorizationPolicy, got it on a ${resource.kind}`, 'remove it');
  else if (action !== 'ALLOW' && action !== 'DENY') refuse(DRY_RUN, 'MESH_ANNOTATION_MISPLACED', `${DRY_RUN} needs action ALLOW or DENY, got ${String(action)}`, 'remove it');
  else if (CHECKS.boolean(value) !== undefined) refuse(DRY_RUN, 'MESH_ANNOTATION_INVALID', `${DRY_RUN} is true or false, got ${JSON.stringify(value)}`, 'write "true"');
}
