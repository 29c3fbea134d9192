import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../runtime/cli/run';

export interface Outcome { readonly code: number; readonly stdout: string; readonly stderr: string }

export interface Place {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly stdin?: string;
  /** Sees output as it comes. */
  readonly onStdout?: (text: string) => void;
}

/** Runs a command line in this process. */
export async function cli(argv: readonly string[], place: Place = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const code = await run(argv, {
    stdout: {
      write: (text) => {
        stdout += text;
        place.onStdout?.(text);
      },
    },
    stderr: { write: (text) => { stderr += text; } },
    ...place.stdin !== undefined && { stdin: () => place.stdin! },
    env: place.env ?? process.env,
    cwd: place.cwd ?? process.cwd(),
    color: false,
    signal: place.signal ?? new AbortController().signal,
  });
  return { code, stdout, stderr };
}

const folders: string[] = [];
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })));

/** A folder with these files, gone after the test file. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-test-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  folders.push(folder);
  return folder;
}

/** A small mesh: `front` calls `back`, which has two versions; a gateway leads to `front`. */
export const MESH = `
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {ports: [{name: http, port: 8000}], selector: {app: front}}
---
apiVersion: v1
kind: Service
metadata: {name: back}
spec: {ports: [{name: http, port: 9000}], selector: {app: back}}
---
${['front/v1/8000', 'back/v1/9000', 'back/v2/9000'].map((entry) => {
  const [app, version, port] = entry.split('/');
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${app}-${version}}
spec:
  selector: {matchLabels: {app: ${app}, version: ${version}}}
  template:
    metadata: {labels: {app: ${app}, version: ${version}}}
    spec: {containers: [{name: ${app}, image: ${app}, ports: [{containerPort: ${port}}]}]}
---
`;
}).join('')}apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: back}
spec: {host: back, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door}
spec: {selector: {istio: gate}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front}
spec: {hosts: ['*'], gateways: [door], http: [{match: [{uri: {prefix: /}}], route: [{destination: {host: front}}]}]}
`;

/** Which version of \`back\` its requests go to. */
export const toBack = (version: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - name: to-${version}
    route: [{destination: {host: back, subset: ${version}}}]
`;
