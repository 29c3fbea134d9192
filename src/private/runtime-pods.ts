import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { meshError } from './errors';
import { ownedMetadata } from './metadata';

/** What Kubernetes takes in one ConfigMap. */
export const CONFIG_MAP_LIMIT = 1024 * 1024;

/** Node's user in Node's own images. */
const NODE_USER = 1000;
const RUNTIME_DIR = '/opt/cdk8s-mesh';
const RUNTIME_FILE = `${RUNTIME_DIR}/runtime.cjs.gz`;
const RUNTIME_NAME = 'cdk8s-mesh-runtime';

/** Unpacks the programs in memory and runs them: the file system of the container is read only, and a ConfigMap holds them only compressed. */
const LOADER = [
  'const{readFileSync}=require("node:fs"),{gunzipSync}=require("node:zlib"),Module=require("node:module")',
  `const file="${RUNTIME_FILE}"`,
  'process.argv.splice(1,0,"cdk8s-mesh")',
  'const main=new Module(file);main.filename=file;main.paths=[]',
  'main._compile(gunzipSync(readFileSync(file)).toString(),file)',
].join(';');

/** Command of a container that runs one of the programs. */
export function runtimeCommand(...args: string[]): string[] {
  return ['node', '-e', LOADER, '--', ...args];
}

/** Where a container finds the programs. */
export const RUNTIME_MOUNT = { name: RUNTIME_NAME, mountPath: RUNTIME_DIR, readOnly: true };
export const RUNTIME_VOLUME = { name: RUNTIME_NAME, configMap: { name: RUNTIME_NAME } };

/** What the restricted pod security standard asks of a container, and a read-only file system. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: NODE_USER,
  runAsGroup: NODE_USER,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Makes sure that the programs are in a ConfigMap of the namespace: one of them, whoever needs it. */
export function requireRuntime(scope: Construct, namespace: string | undefined, bundle: string | undefined): void {
  const chart = Chart.of(scope);
  const existing = chart.node.root.node.findAll().some(construct => ApiObject.isApiObject(construct) && construct.kind === 'ConfigMap'
    && construct.name === RUNTIME_NAME && construct.metadata.namespace === (namespace ?? chart.namespace));
  if (existing) return;
  const packed = gzipSync(read(scope, bundle ?? ownBundle(scope)), { level: 9 });
  if (packed.length > CONFIG_MAP_LIMIT) {
    throw meshError(scope, 'MESH_CONFIG_MAP_SIZE', `a ConfigMap holds at most ${CONFIG_MAP_LIMIT} bytes, got ${packed.length} of compressed programs; give another bundle`);
  }
  new ApiObject(scope, 'Runtime', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(scope, RUNTIME_NAME, namespace),
    binaryData: { 'runtime.cjs.gz': packed.toString('base64') },
  });
}

function ownBundle(scope: Construct): string {
  const candidates = ['../../..', '../..'].map(up => join(__dirname, up, 'assets/runtime/main/index.cjs'));
  const found = candidates.find(file => existsSync(file));
  if (found === undefined) {
    throw meshError(scope, 'MESH_RUNTIME_MISSING', `the package brings its programs in assets/runtime, got none at ${candidates[0]}; install the package anew, or give a bundle`);
  }
  return found;
}

function read(scope: Construct, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw meshError(scope, 'MESH_FILE_UNREADABLE', `a bundle must be a file that can be read, got "${file}" (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
}
