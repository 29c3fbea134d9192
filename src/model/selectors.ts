import { isObject, objectOf, objectsOf, textMapOf, textOf, textsOf } from './json';

type Labels = Readonly<Record<string, string>>;

/** Whether every label of the selector stands on the workload. An empty selector takes everything. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Whether a Kubernetes label selector (matchLabels, matchExpressions) takes the labels. Absent or empty takes nothing here. */
export function labelSelectorTakes(selector: unknown, labels: Labels): boolean {
  if (!isObject(selector)) return false;
  const matchLabels = textMapOf(selector.matchLabels);
  const expressions = objectsOf(selector.matchExpressions);
  if (Object.keys(matchLabels).length + expressions.length === 0) return false;
  return selects(matchLabels, labels) && expressions.every(expression => expressionTakes(objectOf(expression), labels));
}

function expressionTakes(expression: Readonly<Record<string, unknown>>, labels: Labels): boolean {
  const key = textOf(expression.key) ?? '';
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const values = textsOf(expression.values);
  switch (expression.operator) {
    case 'In': return value !== undefined && values.includes(value);
    case 'NotIn': return value === undefined || !values.includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
    default: return false;
  }
}
