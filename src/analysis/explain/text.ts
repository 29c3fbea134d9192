import type { ExplainedStep, ExplainedTarget, Explanation } from './explanation';

const MARKS = { chosen: '✓', failed: '✗', skipped: '·' } as const;

/** An explanation for people: what happens first, then everything that was tried. */
export function explanationText(explanation: Explanation): string {
  return [...summary(explanation), '', ...trace(explanation.trace)].join('\n');
}

function summary(explanation: Explanation): string[] {
  const { outcome, status, flag, targets, rule, fault, retries, mirrors, request, response, setBy, timeoutSeconds, location } = explanation;
  const lines: string[] = [];
  const told = [status, flag === '' ? undefined : `flag ${flag}`, location === undefined ? undefined : `to ${location}`].filter(part => part !== undefined).join(', ');
  lines.push(`${outcome} by ${explanation.proxy}${told === '' ? '' : `: ${told}`}`);
  if (rule !== undefined) lines.push(`  rule       ${rule.name} of ${rule.virtualHost}${rule.resource === '' ? '' : ` (${rule.resource}${rule.where === rule.resource ? '' : `, ${rule.where}`})`}`);
  targets.forEach(target => lines.push(...targetLines(target)));
  if (fault !== undefined && fault.delayPercent > 0) lines.push(`  delay      ${fault.delaySeconds} s for ${percent(fault.delayPercent)}`);
  if (fault?.abortStatus !== undefined) lines.push(`  abort      status ${fault.abortStatus} for ${percent(fault.abortPercent)}`);
  mirrors.forEach(mirror => lines.push(`  mirror     ${targetName(mirror)} ${percent(mirror.percent)}`));
  if (request !== undefined) {
    lines.push(`  arrives as ${request.method} ${request.path}, host ${request.authority}`);
    if (response !== undefined) {
      const changes = [...Object.entries(response.set).map(([name, value]) => `${name}: ${value}`), ...response.removed.map(name => `no ${name}`)];
      lines.push(`  answer     with ${changes.join(', ')}`);
    }
    lines.push(`  timeout    ${timeoutSeconds === 0 ? 'none' : `${timeoutSeconds} s`} (${setBy.timeout})`);
    const limit = retries === undefined || retries.perTryTimeoutSeconds === 0 ? '' : `, each at most ${retries.perTryTimeoutSeconds} s`;
    lines.push(`  retries    ${retries === undefined ? 'none' : `${retries.attempts} on ${retries.on.join(', ')}${limit}`} (${setBy.retries})`);
  }
  return lines;
}

function targetLines(target: ExplainedTarget): string[] {
  const { status, flag, because, endpoints, loadBalancing } = target;
  const failed = because === undefined ? '' : `: ${[status ?? 'closed', flag].filter(part => part !== undefined && part !== '').join(' ')}, ${because}`;
  const lines = [`  target     ${percent(target.percent)} ${targetName(target)}${failed}`];
  if (endpoints.length > 0) lines.push(`             by ${loadBalancing.policy} (${loadBalancing.setBy}) over ${endpoints.map(({ address, port, workload }) => `${address}:${port}${workload === undefined ? '' : ` ${workload}`}`).join(', ')}`);
  return lines;
}

function trace(steps: readonly ExplainedStep[]): string[] {
  const lines: string[] = [];
  let at = '';
  let returning = false;
  for (const { proxy, side, step, name, outcome, because, detail, where } of steps) {
    if (side === 'server' || step !== 'iptables') returning = step === 'response' && side === 'client';
    const place = `${side === 'server' ? 'into' : returning ? 'back at' : 'at'} ${proxy}`;
    if (place !== at) lines.push(place);
    at = place;
    const wanted = outcome === 'failed' || detail === because ? undefined : detail;
    const reason = [because, wanted].filter(part => part !== undefined).join('; ');
    lines.push(`  ${MARKS[outcome]} ${step.padEnd(11)} ${name}${reason === '' ? '' : `: ${reason}`}${where === undefined ? '' : ` [${where}]`}`);
  }
  return lines;
}

/** `reviews.default.svc.cluster.local v2 port 9080`. */
export function targetName({ host, subset, port }: Pick<ExplainedTarget, 'host' | 'subset' | 'port'>): string {
  return `${host}${subset === '' ? '' : ` ${subset}`} port ${port}`;
}

function percent(value: number): string {
  return `${Number(value.toFixed(4))} %`;
}
