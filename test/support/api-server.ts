import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';
import { freePort } from './loopback';

const READY_MS = 60_000;
const POLL_MS = 100;
const KEPT_LINES = 20;

/** What a manifest has in common with all others. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** An answer of the API server. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: {
    readonly message?: string;
    readonly metadata?: { readonly uid?: string };
    readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
  };
  /** `Warning` headers, as kubectl prints them. */
  readonly warnings: readonly string[];
  /** The answer's lines, of which a watch has one for each event. */
  readonly lines: readonly string[];
}

/** A real kube-apiserver with an etcd of its own, both on loopback and gone with `stop`. */
export class ApiServer {
  public static async start(binaries: { readonly apiServer: string; readonly etcd: string }): Promise<ApiServer> {
    const server = new ApiServer(mkdtempSync(join(tmpdir(), 'cdk8s-mesh-api-')));
    try {
      await server.run(binaries);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private readonly token = randomBytes(16).toString('hex');
  private readonly strangersToken = randomBytes(16).toString('hex');
  private readonly children: ChildProcess[] = [];
  private readonly kinds = new Map<string, Promise<ApiAnswer>>();
  private readonly agent = new Agent({ keepAlive: true });
  private readonly lines: string[] = [];
  private port = 0;

  private constructor(private readonly folder: string) {}

  public async stop(): Promise<void> {
    this.agent.destroy();
    // The server first: it does not end while the store it waits for is away.
    for (const child of [...this.children].reverse()) {
      const gone = new Promise(resolve => { child.once('exit', resolve); });
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A kubeconfig for somebody who may do everything, or for a stranger who may do nothing. */
  public kubeconfig(user: 'admin' | 'stranger' = 'admin'): object {
    const authority = Buffer.from(this.certificate()).toString('base64');
    return {
      'current-context': 'here',
      'contexts': [{ name: 'here', context: { cluster: 'here', user } }],
      'clusters': [{ name: 'here', cluster: { 'server': this.url, 'certificate-authority-data': authority } }],
      'users': [{ name: user, user: { token: user === 'admin' ? this.token : this.strangersToken } }],
    };
  }

  public get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Server-side apply with strict field validation, as `kubectl apply --server-side --validate=strict`. */
  public async apply(manifest: Manifest): Promise<ApiAnswer> {
    const path = await this.pathOf(manifest);
    return this.send('PATCH', `${path}?fieldManager=test&force=true&fieldValidation=Strict`, 'application/apply-patch+yaml', Yaml.stringify(manifest));
  }

  /** What `kubectl patch --type merge` sends, to `/status` too. */
  public async merge(path: string, change: object): Promise<ApiAnswer> {
    return this.send('PATCH', path, 'application/merge-patch+json', JSON.stringify(change));
  }

  public async remove(path: string): Promise<ApiAnswer> {
    return this.send('DELETE', path);
  }

  public async get(path: string): Promise<ApiAnswer> {
    return this.send('GET', path);
  }

  /** Every object of a list that was written since a version of it, as it was each time, in order; a second passes while the server waits for more. */
  public async history(path: string, since: string): Promise<any[]> {
    const { lines } = await this.send('GET', `${path}?watch=true&timeoutSeconds=1&resourceVersion=${since}`);
    return lines.map(line => JSON.parse(line).object);
  }

  private async pathOf({ apiVersion, kind, metadata: { name, namespace = 'default' } }: Manifest): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known = this.kinds.get(apiVersion) ?? this.get(root);
    this.kinds.set(apiVersion, known);
    const found = (await known).body.resources?.find(each => each.kind === kind && !each.name.includes('/'));
    if (found === undefined) {
      this.kinds.delete(apiVersion);
      throw new Error(`the API server knows no ${kind} of ${apiVersion}`);
    }
    return `${root}${found.namespaced ? `/namespaces/${namespace}` : ''}/${found.name}/${encodeURIComponent(name)}`;
  }

  private async run({ apiServer, etcd }: { apiServer: string; etcd: string }): Promise<void> {
    const at = (name: string): string => join(this.folder, name);
    const [store, peer] = [await freePort(), await freePort()];
    this.port = await freePort();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(at('key.pem'), privateKey, { mode: 0o600 });
    writeFileSync(at('key.pub'), publicKey);
    writeFileSync(at('tokens.csv'), `${this.token},test,test,system:masters\n${this.strangersToken},stranger,stranger\n`, { mode: 0o600 });
    this.spawn(etcd, [
      '--data-dir', at('etcd'), '--listen-client-urls', `http://127.0.0.1:${store}`, '--advertise-client-urls', `http://127.0.0.1:${store}`,
      '--listen-peer-urls', `http://127.0.0.1:${peer}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`,
      '--initial-cluster', `default=http://127.0.0.1:${peer}`, '--unsafe-no-fsync',
    ]);
    this.spawn(apiServer, [
      '--etcd-servers', `http://127.0.0.1:${store}`, '--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1', '--secure-port', String(this.port),
      '--cert-dir', at('certs'), '--service-cluster-ip-range', '10.96.0.0/12', '--endpoint-reconciler-type', 'none',
      '--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', at('key.pub'),
      '--service-account-signing-key-file', at('key.pem'), '--token-auth-file', at('tokens.csv'), '--authorization-mode', 'RBAC',
      '--disable-admission-plugins', 'ServiceAccount',
    ]);
    for (const end = Date.now() + READY_MS; !await this.isReady();) {
      const ended = this.children.find(({ exitCode }) => exitCode !== null);
      if (ended !== undefined || Date.now() > end) throw new Error(`the API server did not become ready:\n${this.lines.join('\n')}`);
      await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
    }
  }

  private async isReady(): Promise<boolean> {
    return this.get('/readyz').then(({ status }) => status === 200, () => false);
  }

  private spawn(binary: string, args: readonly string[]): void {
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.folder });
    child.stderr.on('data', (chunk: Buffer) => {
      this.lines.push(...chunk.toString().trimEnd().split('\n'));
      this.lines.splice(0, this.lines.length - KEPT_LINES);
    });
    this.children.push(child);
  }

  private async send(method: string, path: string, type?: string, body?: string): Promise<ApiAnswer> {
    // Its certificate is one it made for itself a moment ago.
    const ca = this.certificate();
    return new Promise((resolve, reject) => {
      const call = request({
        host: '127.0.0.1',
        port: this.port,
        path,
        method,
        agent: this.agent,
        ca,
        checkServerIdentity: () => undefined,
        headers: { authorization: `Bearer ${this.token}`, ...(type !== undefined && { 'content-type': type }) },
      }, response => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('error', reject).on('end', () => {
          const warnings = response.headersDistinct.warning ?? [];
          const lines = text.split('\n').filter(line => line !== '');
          resolve({ status: response.statusCode ?? 0, body: lines.length === 1 && text.startsWith('{') ? JSON.parse(text) : {}, warnings, lines });
        });
      });
      call.on('error', reject).end(body);
    });
  }

  private certificate(): string {
    return readFileSync(join(this.folder, 'certs/apiserver.crt'), 'utf8');
  }
}
