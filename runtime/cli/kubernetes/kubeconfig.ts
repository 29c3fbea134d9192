import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { isObject, objectOf, objectsOf, textOf } from '../../../src/model/json';
import type { Json } from '../../../src/model/json';
import type { Io } from '../io';
import { UsageError } from '../usage-error';

/** One cluster, and who asks. */
export interface Access {
  readonly server: string;
  readonly tlsServerName?: string;
  readonly authority?: Buffer;
  readonly insecure: boolean;
  readonly token?: string;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

/** The cluster of a kubeconfig: that of `--kubeconfig`, of KUBECONFIG or of the home folder, in the context named or the current one. */
export function readAccess(io: Pick<Io, 'cwd' | 'env'>, file: string | undefined, context: string | undefined): Access {
  const path = resolve(io.cwd, file ?? (io.env.KUBECONFIG?.split(':')[0] || join(io.env.HOME ?? homedir(), '.kube/config')));
  const fail = (rule: string): never => { throw new UsageError(`[${path}] MESH_REMOTE_CLUSTER: ${rule}`); };
  let config: unknown;
  try {
    config = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(`a kubeconfig that can be read, got: ${(error as Error).message}; name one by --kubeconfig`);
  }
  if (!isObject(config)) return fail('a kubeconfig is an object, got another text; name one by --kubeconfig');
  const wanted = context ?? textOf(config['current-context']) ?? '';
  const find = (list: unknown, name: string, what: string): Json => {
    const found = objectsOf(list).find(each => each.name === name);
    return found === undefined ? fail(`a kubeconfig has the ${what} that is asked for, got none named "${name}"; name another context by --context`) : objectOf(found[what]);
  };
  const chosen = find(config.contexts, wanted, 'context');
  const cluster = find(config.clusters, textOf(chosen.cluster) ?? '', 'cluster');
  const user = find(config.users, textOf(chosen.user) ?? '', 'user');
  const data = (from: Json, name: string): Buffer | undefined => {
    const inline = textOf(from[`${name}-data`]);
    const named = textOf(from[name]);
    return inline !== undefined ? Buffer.from(inline, 'base64') : named === undefined ? undefined : readFileSync(resolve(dirname(path), named));
  };
  return {
    server: textOf(cluster.server) ?? fail('a cluster has a server, got none; correct the kubeconfig'),
    tlsServerName: textOf(cluster['tls-server-name']),
    authority: data(cluster, 'certificate-authority'),
    insecure: cluster['insecure-skip-tls-verify'] === true,
    token: tokenOf(user, dirname(path), io),
    certificate: data(user, 'client-certificate'),
    key: data(user, 'client-key'),
  };
}

function tokenOf(user: Json, folder: string, io: Pick<Io, 'env'>): string | undefined {
  const token = textOf(user.token);
  if (token !== undefined) return token;
  const file = textOf(user.tokenFile);
  if (file !== undefined) return readFileSync(resolve(folder, file), 'utf8').trim();
  if (!isObject(user.exec)) return undefined;
  const { command, args, env } = user.exec;
  const variables = Object.fromEntries(objectsOf(env).map(({ name, value }) => [textOf(name) ?? '', textOf(value) ?? '']));
  const info = JSON.stringify({ apiVersion: user.exec.apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  const answer = execFileSync(textOf(command) ?? '', Array.isArray(args) ? args.map(String) : [], {
    encoding: 'utf8', env: { ...io.env, ...variables, KUBERNETES_EXEC_INFO: info } as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'inherit'],
  });
  return textOf(objectOf(objectOf(JSON.parse(answer)).status).token);
}
