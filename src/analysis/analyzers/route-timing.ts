import type { HttpRoute, VirtualServiceSpec } from '../../compiler/istio-api';
import { parseDuration } from '../../model/durations';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { reporter } from '../rules/context';
import type { Context, Reporter } from '../rules/context';

/** Times and faults of one rule that do not fit together. */
export function routeTiming(context: Context): void {
  for (const resource of context.sound<VirtualServiceSpec>('VirtualService')) {
    const at = reporter(context, resource);
    resource.spec?.http?.forEach((rule, index) => {
      const path = ['spec', 'http', index];
      retriesInTimeout(at, rule, path);
      faultBesideRetries(at, rule, path);
    });
  }
}

function retriesInTimeout(at: Reporter, { timeout, retries }: HttpRoute, path: Path): void {
  const whole = timeout === undefined ? undefined : parseDuration(timeout);
  const each = retries?.perTryTimeout === undefined ? undefined : parseDuration(retries.perTryTimeout);
  const attempts = retries?.attempts ?? 0;
  if (whole === undefined || whole === 0 || each === undefined || attempts < 1) return;
  // The first try counts too.
  if (each * (attempts + 1) <= whole) return;
  at.say([...path, 'timeout'], {
    code: 'MESH_RETRY_TIMEOUT',
    severity: 'warning',
    message: `the timeout of ${fieldOf(path)} holds the first try and its ${attempts} retries, got ${timeout} for ${attempts + 1} times ${retries!.perTryTimeout}`,
    repair: `raise timeout to ${each * (attempts + 1) / 1000}s, or ask for ${Math.max(0, Math.floor(whole / each) - 1)} retries`,
  });
}

function faultBesideRetries(at: Reporter, { fault, timeout, retries }: HttpRoute, path: Path): void {
  if (fault === undefined || (timeout === undefined && retries === undefined)) return;
  const others = [...(timeout === undefined ? [] : ['timeout']), ...(retries === undefined ? [] : ['retries'])];
  at.say([...path, 'fault'], {
    code: 'MESH_FAULT_INERT',
    severity: 'warning',
    message: `a fault happens in the caller's proxy before ${others.join(' and ')} of the same rule begin, got both in ${fieldOf(path)}; they are not tested by it`,
    repair: 'put the fault on the rule of the service that is called further on',
  });
}
