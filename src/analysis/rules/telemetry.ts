import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { celFault } from './cel';
import { policyTargetRules, quote } from './common';
import type { TargetRef } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';

interface Named { readonly name?: string }
interface Override {
  readonly match?: { readonly metric?: string; readonly customMetric?: string };
  readonly tagOverrides?: Readonly<Record<string, { readonly operation?: string; readonly value?: string }>>;
}
interface Valued { readonly value?: string }
interface CustomTag { readonly literal?: Valued; readonly environment?: Named; readonly header?: Named; readonly formatter?: Valued }

/** A Telemetry as far as rules read it. */
export interface TelemetryRulesSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
  readonly tracing?: readonly {
    readonly providers?: readonly Named[];
    readonly randomSamplingPercentage?: number;
    readonly customTags?: Readonly<Record<string, CustomTag>>;
  }[];
  readonly metrics?: readonly { readonly providers?: readonly Named[]; readonly overrides?: readonly (Override | null)[] }[];
  readonly accessLogging?: readonly {
    readonly providers?: readonly Named[];
    readonly filter?: { readonly expression?: string };
    readonly disabled?: boolean;
  }[];
}

/** istio-validation §1.10, Telemetry. */
export function telemetryRules(context: Context): void {
  for (const resource of context.sound<TelemetryRulesSpec>('Telemetry')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    policyTargetRules(at, spec);
    tracing(at, spec);
    spec.metrics?.forEach(({ providers }, index) => providers?.forEach(({ name }, number) => providerName(at, name, ['spec', 'metrics', index, 'providers', number])));
    spec.metrics?.forEach((metrics, index) => metrics.overrides?.forEach((override, number) => {
      if (override !== null) overrideRules(at, override, ['spec', 'metrics', index, 'overrides', number]);
    }));
    spec.accessLogging?.forEach((logging, index) => {
      const path = ['spec', 'accessLogging', index];
      logging.providers?.forEach(({ name }, number) => providerName(at, name, [...path, 'providers', number]));
      const expression = logging.filter === undefined ? undefined : logging.filter.expression ?? '';
      const reason = expression === undefined ? undefined : celFault(expression);
      if (reason !== undefined) {
        at.invalid([...path, 'filter', 'expression'], 'MESH_EXPRESSION_INVALID', `a filter is an expression of CEL, got ${quote(expression)}: ${reason}`, 'correct the expression');
      }
    });
  }
}

function providerName(at: Reporter, name: string | undefined, path: Path): void {
  if ((name ?? '') === '') at.invalid(path, 'MESH_NAME_INVALID', `${fieldOf(path)} names a provider, got ""`, 'name it');
}

function tracing(at: Reporter, { tracing: list = [] }: TelemetryRulesSpec): void {
  if (list.length > 1) at.doubtful(['spec', 'tracing', 1], 'MESH_TELEMETRY_IGNORED', `only the first entry of tracing counts, got ${list.length}`, 'join them');
  list.forEach((entry, index) => {
    const path = ['spec', 'tracing', index];
    const { providers = [], randomSamplingPercentage: share, customTags = {} } = entry;
    if (providers.length > 1) at.doubtful([...path, 'providers', 1], 'MESH_TELEMETRY_IGNORED', `only one provider of tracing counts, got ${providers.length}`, 'keep one of them');
    providers.forEach(({ name }, number) => providerName(at, name, [...path, 'providers', number]));
    if (share !== undefined && (share < 0 || share > 100)) {
      at.invalid([...path, 'randomSamplingPercentage'], 'MESH_PERCENT_INVALID', `a share is from 0 to 100, got ${share}`, 'write a share of 100');
    }
    for (const [name, tag] of Object.entries(customTags)) {
      const source = tag.literal ?? tag.environment ?? tag.header;
      const value = source === undefined ? undefined : tag.literal?.value ?? tag.environment?.name ?? tag.header?.name ?? '';
      if (name === '' || value === '') at.invalid([...path, 'customTags', name], 'MESH_TAG_INVALID', `a tag has a name and a source of its value, got ${quote(name)} of ${quote(value)}`, 'add literal, environment or header');
    }
  });
}

function overrideRules(at: Reporter, { match, tagOverrides = {} }: Override, path: Path): void {
  const fault = (place: Path, message: string, repair: string) => at.invalid(place, 'MESH_TAG_INVALID', message, repair);
  if (match?.customMetric === '') fault([...path, 'match', 'customMetric'], 'customMetric names a metric, got ""', 'name it');
  for (const [name, { operation = 'UPSERT', value = '' }] of Object.entries(tagOverrides)) {
    const place = [...path, 'tagOverrides', name];
    if (name === '') at.doubtful(place, 'MESH_TAG_INVALID', 'an override names its tag, got ""', 'name it');
    if (operation === 'UPSERT' && value === '') fault(place, `a tag that is set has a value, got none for ${quote(name)}`, 'add value, or write operation: REMOVE');
    if (operation === 'REMOVE' && value !== '') fault(place, `a tag that is removed has no value, got ${quote(value)} for ${quote(name)}`, 'remove value');
  }
}
