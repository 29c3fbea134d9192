import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

const NO_API_SERVER = 'no kube-apiserver (run scripts/install-api-server.sh)';

const NO_ARGO = 'no Argo Rollouts (run scripts/install-argo-rollouts.sh)';

const NO_RATE_LIMIT_SERVICE = 'no rate-limit service (run scripts/install-rate-limit-service.sh)';

/** Parts that a machine may lack, with where to find each and how to get it. */
const PARTS = {
  'envoy': { find: findEnvoy, hint: 'no Envoy (set ENVOY_BIN, or run scripts/install-envoy.sh)' },
  'kube-apiserver': { find: () => installed('kube-apiserver'), hint: NO_API_SERVER },
  'etcd': { find: () => installed('etcd'), hint: NO_API_SERVER },
  'argo-rollouts': { find: () => installed('argo-rollouts-1.10.2'), hint: NO_ARGO },
  'argo-crds': { find: () => installed('argo-crds-1.10.2.yaml'), hint: NO_ARGO },
  'istio-crds': { find: () => installed('istio-crds.yaml'), hint: NO_API_SERVER },
  'ratelimit': { find: () => installed('ratelimit'), hint: NO_RATE_LIMIT_SERVICE },
  'redis': { find: () => installed('redis/redis-server'), hint: NO_RATE_LIMIT_SERVICE },
  // Of a development version, which a module proxy need not keep: it is compared with where it is to be had.
  'istiod': { find: () => installed('istiod'), hint: 'no istiod (run scripts/install-istiod.sh)', optional: true },
  'jq': { find: () => onPath('jq'), hint: 'no jq' },
  'istio-samples': { find: () => data('istio-samples'), hint: 'no ../shared/data/istio-samples' },
  'istio-injected': { find: () => data('istio-injected'), hint: 'no ../shared/data/istio-injected' },
  'istiod-golden': { find: () => data('istiod-golden'), hint: 'no ../shared/data/istiod-golden' },
} as const;

export type RealPart = keyof typeof PARTS;

/** Path of a part, or undefined where this machine does not have it. */
export function realPart(name: RealPart): string | undefined {
  return PARTS[name].find();
}

/**
 * A suite that needs real parts; it gets their paths. Where one is missing the suite is listed as not run, with the reason, or
 * fails if CDK8S_MESH_REAL_PARTS=required.
 */
export function describeReal(parts: readonly RealPart[], title: string, suite: (paths: Readonly<Record<string, string>>) => void): void {
  const missing = parts.filter(part => realPart(part) === undefined);
  if (missing.length === 0) {
    describe(title, () => suite(Object.fromEntries(parts.map(part => [part, realPart(part)!]))));
    return;
  }
  const reason = [...new Set(missing.map(part => PARTS[part].hint))].join('; ');
  if (process.env.CDK8S_MESH_REAL_PARTS === 'required' && !missing.every(part => 'optional' in PARTS[part])) {
    test(title, () => { throw new Error(`CDK8S_MESH_REAL_PARTS=required, but there is ${reason}`); });
  } else {
    test.skip(`${title} — not run: ${reason}`, () => undefined);
  }
}

function findEnvoy(): string | undefined {
  const { ENVOY_BIN: given, PATH = '' } = process.env;
  if (given !== undefined && given !== '') return executable(resolve(given)) ? resolve(given) : undefined;
  return [join(ROOT, '.real-parts/envoy'), ...PATH.split(delimiter).map(folder => join(folder, 'envoy'))].find(executable);
}

function installed(name: string): string | undefined {
  const path = join(ROOT, '.real-parts', name);
  return existsSync(path) ? path : undefined;
}

function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, name)).find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function data(name: string): string | undefined {
  const path = resolve(ROOT, '../shared/data', name);
  return existsSync(path) ? path : undefined;
}
