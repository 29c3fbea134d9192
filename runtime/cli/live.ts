import { get } from 'node:http';
import { Lock } from './up/lock';
import { UsageError } from './usage-error';

/**
 * What the admin of a proxy of a running `up` prints: its config dump, or `/clusters` for the health of endpoints.
 * The proxy is named `NAME`, `NAME.NAMESPACE`, `deploy/NAME` or `pod/NAME`.
 */
export async function liveDump(name: string, namespace: string | undefined, what: 'config' | 'clusters', lock = new Lock()): Promise<string> {
  const plain = name.slice(name.indexOf('/') + 1);
  const wanted = [plain, `${plain}.${namespace ?? 'default'}`];
  const running = lock.others();
  const admin = running.flatMap(({ admins }) => Object.entries(admins)).find(([known]) => wanted.includes(known))?.[1];
  if (admin === undefined) {
    const known = running.flatMap(({ admins }) => Object.keys(admins)).sort();
    throw new UsageError(`MESH_INPUT_MISSING: a workload of DIRs, of a dump by --file, or of a running \`cdk8s-mesh up\` is named, got ${name}; ${
      known.length === 0 ? 'add a DIR, as no mesh is up' : `there run ${known.join(', ')}`}`);
  }
  return fetchText(`${admin}${what === 'config' ? '/config_dump?include_eds' : '/clusters?format=json'}`);
}

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => resolve(text)).on('error', reject);
    }).on('error', error => reject(new UsageError(`[${url}] MESH_DUMP_INVALID: the admin of a proxy answers, got: ${error.message}; look whether it still runs`)));
  });
}
