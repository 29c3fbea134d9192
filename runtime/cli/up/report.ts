import { createColors } from 'picocolors';
import type { UpEvent } from './events';
import type { UpHandle } from './up';

/** Writes what `up` tells, for people. */
export class Report {
  private readonly paint: ReturnType<typeof createColors>;
  private lastOutput = '';
  private repeated = 0;

  public constructor(private readonly write: (text: string) => unknown, color: boolean) {
    this.paint = createColors(color);
  }

  public event(event: UpEvent): void {
    const { paint } = this;
    switch (event.kind) {
      case 'note': return this.line(`${paint.cyan('note')}: ${event.text}`);
      case 'workload': {
        const { name, ip, ports, listenPorts, silent, application } = event.workload;
        const listens = Object.entries(ports).filter(([port]) => !silent.includes(Number(port))).map(([port, own]) => `${ip}:${listenPorts[Number(port)] ?? port} → 127.0.0.1:${own}`).join(', ') || ip;
        const what = { 'command': 'your command', 'stand-in': 'stand-in', 'none': 'gateway' }[application];
        this.line(`  ${name.padEnd(40)} ${what.padEnd(13)} ${listens}`);
        for (const port of silent) this.line(`${paint.cyan('note')}: nobody reaches port ${port} of ${name} through its proxy, as no Service leads to it`);
        return;
      }
      case 'request': return this.line(requestLine(event, paint));
      case 'output': return this.output(`  ${event.workload} | ${event.line}`);
      case 'rejected': return this.line([paint.red('not taken, the last good state keeps serving:'), ...event.errors.map(error => `  ${error}`)].join('\n'));
      case 'changed': return this.line(paint.green('changed files are live'));
      case 'failed': return this.line(`${paint.red('failed')}: ${event.name}: ${event.reason}`);
      default: return;
    }
  }

  /** What to do now. */
  public ready(handle: UpHandle, paths: readonly string[], milliseconds: number): void {
    const { paint } = this;
    const [gateway] = handle.gateways;
    this.line('');
    for (const { name, url, page, host } of handle.gateways) {
      this.line(`${paint.bold('gateway')}  ${name}  ${url}${host === undefined ? '' : `  (Host: ${host})`}`);
      if (page !== undefined && host === undefined) this.line(`${paint.bold('open')}     ${url}${page}`);
    }
    this.line(`\nReady after ${(milliseconds / 1000).toFixed(1)} s. Ctrl-C ends it. Next, in another terminal:`);
    for (const command of nextCommands(handle, paths)) this.line(`  ${command}`);
    if (gateway !== undefined) this.line('\nRequests as the proxies see them:');
  }

  /** A program that says one thing again and again is quoted once. */
  private output(text: string): void {
    if (text === this.lastOutput) {
      this.repeated++;
      return;
    }
    if (this.repeated > 0) this.line(this.paint.dim(`  … ${this.repeated} times more`));
    this.lastOutput = text;
    this.repeated = 0;
    this.line(this.paint.dim(text));
  }

  private line(text: string): void {
    this.write(`${text}\n`);
  }
}

type Request = Extract<UpEvent, { kind: 'request' }>;

/** `GET /reviews/0  jason  → reviews-v2  rule jason`. */
export function requestLine({ request, target, direct }: Request, paint = createColors(false)): string {
  const { method, path, user, status, flags, route } = request;
  const good = status > 0 && status < 400;
  const to = target === '' ? '→ answered by the proxy' : `→ ${target}`;
  const parts = [`${method} ${path}`];
  if (user !== '') parts.push(paint.cyan(user));
  parts.push(to);
  if (direct === true) parts.push(paint.dim('sent to its address'));
  else if (route !== '' && route !== 'default') parts.push(paint.dim(`rule ${route}`));
  if (!good || flags !== '') parts.push(paint[good ? 'yellow' : 'red']([status === 0 ? 'caller left' : String(status), flags].filter(part => part !== '').join(' ')));
  return parts.join('  ');
}

/** Commands worth trying on this mesh, ready to paste. */
export function nextCommands(handle: Pick<UpHandle, 'gateways' | 'model' | 'workloads'>, paths: readonly string[]): string[] {
  const { gateways, model, workloads } = handle;
  const dirs = paths.map(quoted).join(' ');
  const commands: string[] = [];
  const [gateway] = gateways;
  const host = gateway?.host === undefined ? '' : `-H 'Host: ${gateway.host}' `;
  if (gateway !== undefined) {
    commands.push(`curl -s ${host}${gateway.url}${gateway.page ?? '/'}`);
  }
  const callers = model.workloads.filter(workload => !workload.gateway);
  // What the gateway leads to is what calls the others.
  const front = model.of('VirtualService').filter(rule => Array.isArray(rule.spec.gateways)).map(rule => JSON.stringify(rule.spec.http));
  const caller = callers.find(({ workload, labels }) => front.some(text => text.includes(`"host":"${labels.app ?? workload}"`))) ?? callers[0];
  const routed = model.of('VirtualService').flatMap(rule => (Array.isArray(rule.spec.gateways) ? [] : (rule.spec.hosts as string[] | undefined) ?? []));
  const service = model.services.find(each => routed.includes(each.name) || routed.includes(each.hostname))
    ?? model.services.find(each => each.ports.length > 0);
  if (caller !== undefined && service !== undefined) {
    const name = service.namespace === caller.namespace ? service.name : `${service.name}.${service.namespace}`;
    const url = `http://${name}:${service.ports[0].number}/`;
    const headers = asksForUser(model) ? ' -H \'end-user: jason\'' : '';
    const playsFront = workloads.some(each => each.name === `${caller.workload}.${caller.namespace}` && each.application === 'stand-in');
    // Through the front, so that rules deep in the mesh are seen whatever paths the gateway takes.
    if (gateway !== undefined && playsFront) commands.push(`curl -s -H 'x-call: ${url}'${headers} ${host}${gateway.url}${gateway.page ?? '/'}`);
    commands.push(`npx cdk8s-mesh explain ${dirs} GET ${url} --from ${caller.workload}.${caller.namespace}${headers}`);
    commands.push(`npx cdk8s-mesh proxy-config routes ${caller.workload}.${caller.namespace}`);
  }
  commands.push(`npx cdk8s-mesh analyze ${dirs}`);
  return commands;
}

function asksForUser(model: UpHandle['model']): boolean {
  return model.of('VirtualService').some(rule => JSON.stringify(rule.spec).includes('"end-user"'));
}

const quoted = (path: string): string => (/^[\w./:@-]+$/.test(path) ? path : `'${path.replace(/'/g, '\'\\\'\'')}'`);
