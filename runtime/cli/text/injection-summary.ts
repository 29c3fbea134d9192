import { sumOf } from '../../../src/injection';
import type { Added, Amount, Injected } from '../../../src/injection';

/** What was injected, what was not and why, and what the sidecars add, each and together. */
export function injectionSummary(workloads: readonly Injected[]): string {
  if (workloads.length === 0) return 'No workloads: nothing to inject.\n';
  const width = Math.max(...workloads.map(({ workload }) => workload.length));
  const lines = workloads.map(each => (each.added === undefined
    ? `skipped   ${each.workload.padEnd(width)}  ${each.skipped}`
    : `injected  ${each.workload.padEnd(width)}  ${pods(each.replicas)}: ${addition(each.added)}`));
  const injected = workloads.flatMap(({ added, replicas }) => (added === undefined ? [] : [{ added, replicas, times: replicas ?? 1 }]));
  const count = injected.reduce((sum, { times }) => sum + times, 0);
  const perNode = injected.some(({ replicas }) => replicas === undefined) ? ' (a DaemonSet counted for one node)' : '';
  const total = injected.length === 0 ? '' : ` The sidecars of ${count} ${count === 1 ? 'Pod' : 'Pods'}${perNode} add ${addition(sumOf(injected))}.`;
  return `${lines.join('\n')}\n${injected.length} of ${workloads.length} workloads injected, ${workloads.length - injected.length} skipped.${total}\n`;
}

function pods(replicas: number | undefined): string {
  return replicas === undefined ? 'per node' : replicas === 1 ? '1 Pod' : `${replicas} Pods, each`;
}

function addition({ requests, limits }: Added): string {
  return `requests ${amount(requests)}, limits ${amount(limits)}`;
}

function amount({ cpu, memory }: Amount): string {
  const parts = [...(cpu === undefined ? [] : [`cpu ${cpu}`]), ...(memory === undefined ? [] : [`memory ${memory}`])];
  return parts.length === 0 ? 'nothing' : parts.join(' ');
}
