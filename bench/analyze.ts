/**
 * `cdk8s-mesh analyze` as a user runs it: the bundled program, process start included, on a file of a Service, a DestinationRule and a
 * VirtualService for each service. Wall and CPU time of the best run and memory at its peak, beside a Node that does nothing, and beside istioctl
 * where ISTIOCTL_BIN names one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { least, machine, meshOf, yamlOf } from './mesh';

const ROUNDS = 9;
/** istioctl analyze of Istio 1.32 on the machine and files of its own day. */
const ISTIOCTL = new Map([[300, '0.35 s, 97 MB'], [1000, '0.62 s, 109 MB']]);
/** Path of an istioctl to run side by side on the same files. */
const { ISTIOCTL_BIN } = process.env;

const folder = mkdtempSync(join(tmpdir(), 'bench-analyze-'));
const report = join(folder, 'usage.json');
/** Loaded into the measured program: tells what it used when it ends. */
const meter = join(folder, 'meter.cjs');

interface Usage { readonly ms: number; readonly cpuMs: number; readonly megabytes: number }

function run(args: readonly string[]): Usage {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['-r', meter, ...args], { encoding: 'utf8' });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(report, 'utf8')) as NodeJS.ResourceUsage;
  return { ms, cpuMs: (userCPUTime + systemCPUTime) / 1000, megabytes: maxRSS / 1000 };
}

/** Wall time of another program on the same file, the best run. */
function wall(program: string, args: readonly string[]): number {
  return least(Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
    return performance.now() - start;
  }));
}

function best(args: readonly string[]): Usage {
  const runs = Array.from({ length: ROUNDS }, () => run(args));
  return {
    ms: least(runs.map(each => each.ms)),
    cpuMs: least(runs.map(each => each.cpuMs)),
    megabytes: least(runs.map(each => each.megabytes)),
  };
}

try {
  writeFileSync(meter, `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify(process.resourceUsage())));`);
  const program = join(folder, 'cdk8s-mesh.cjs');
  buildSync({ entryPoints: ['runtime/main.ts'], bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, outfile: program, logLevel: 'error' });
  process.stdout.write(`best of ${ROUNDS}, ${machine()}\n`);
  const row = (what: string, { ms, cpuMs, megabytes }: Usage, reference: string): void => {
    process.stdout.write(`${what.padEnd(16)}${(ms / 1000).toFixed(2)} s wall  ${(cpuMs / 1000).toFixed(2)} s CPU  ${megabytes.toFixed(0).padStart(4)} MB   ${reference}\n`);
  };
  writeFileSync(join(folder, 'empty.cjs'), '');
  row('node, nothing', best([join(folder, 'empty.cjs')]), '');
  for (const [services, reference] of ISTIOCTL) {
    const file = join(folder, `${services}.yaml`);
    writeFileSync(file, yamlOf(meshOf(services).filter(object => (object as { kind: string }).kind !== 'Deployment')));
    const beside = ISTIOCTL_BIN === undefined ? '' : `; here ${(wall(ISTIOCTL_BIN, ['analyze', '--use-kube=false', file]) / 1000).toFixed(2)} s`;
    row(`${services} services`, best([program, 'analyze', file]), `istioctl: ${reference}${beside}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
