import { stringify } from 'yaml';
import { columns } from './columns';
import { REACH } from '../../../src/analysis/explain';
import type { ScopeSaving } from '../../../src/analysis/explain';

/** What `explain --optimize` prints: a table, the rule behind it, and for one proxy the Sidecar to apply. */
export function savingsText(savings: readonly ScopeSaving[], withSidecar: boolean): string {
  const header = ['PROXY', 'CLUSTERS', 'SCOPED', 'BYTES', 'SCOPED', 'SAVED', ''];
  const rows = savings.map(({ proxy, now, scoped, scopedBy }) => [
    proxy, `${now.clusters}`, `${scoped.clusters}`, `${now.bytes}`, `${scoped.bytes}`, share(now.bytes, scoped.bytes), scopedBy === undefined ? '' : `by Sidecar ${scopedBy} already`,
  ]);
  const total = (pick: (saving: ScopeSaving) => number) => savings.reduce((sum, saving) => sum + pick(saving), 0);
  const [now, scoped] = [total(saving => saving.now.bytes), total(saving => saving.scoped.bytes)];
  const all = ['all', `${total(saving => saving.now.clusters)}`, `${total(saving => saving.scoped.clusters)}`, `${now}`, `${scoped}`, share(now, scoped), ''];
  const table = columns([header, ...rows, ...savings.length > 1 ? [all] : []], 3).replace(/ +$/gm, '');
  const documents = withSidecar ? savings.flatMap(({ sidecar }) => (sidecar === undefined ? [] : [`\n${stringify(sidecar)}`])) : [];
  return [`${table}\n`, ...RULE, ...documents].join('');
}

const RULE = [
  `SCOPED is with a Sidecar that imports what a workload calls: ${REACH.replaceAll('; ', ';\n')}.\n`,
  'A call that manifests do not tell of still leaves as to any outside host, but without its routes, policies and mutual TLS:\nadd its host before you apply a scope.\n',
];

function share(now: number, scoped: number): string {
  return now === 0 ? '-' : `${Math.round(100 * (now - scoped) / now)} %`;
}
