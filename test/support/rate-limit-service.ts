import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const READY_MS = 20_000;
const POLL_MS = 50;

export interface RateLimitServiceOptions {
  /** Program of Envoy's rate-limit service. */
  readonly binary: string;
  /** Program of Redis, beside its libraries. */
  readonly redis: string;
  /** The rendered Deployment, whose environment is the program's but for addresses. */
  readonly deployment: any;
  /** The rendered ConfigMap. */
  readonly quotas: any;
}

/** Envoy's rate-limit service with a Redis of its own, on 127.0.0.1, as its rendered Pod runs it. */
export class RunningRateLimitService {
  /** Resolves when it is healthy. */
  public static async start({ binary, redis, deployment, quotas }: RateLimitServiceOptions): Promise<RunningRateLimitService> {
    const folder = mkdtempSync(join(tmpdir(), 'rate-limit-'));
    const [redisPort, grpcPort, httpPort, debugPort] = await freePorts(4) as [number, number, number, number];
    const running = new RunningRateLimitService(folder, grpcPort);
    try {
      running.run(redis, ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { LD_LIBRARY_PATH: dirname(redis) });
      const [container] = deployment.spec.template.spec.containers;
      const { RUNTIME_SUBDIRECTORY: subdirectory, ...env } = Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]));
      const config = join(folder, subdirectory, 'config');
      mkdirSync(config, { recursive: true });
      for (const [name, text] of Object.entries<string>(quotas.data)) writeFileSync(join(config, name), text);
      const addresses = {
        REDIS_URL: `127.0.0.1:${redisPort}`,
        HOST: '127.0.0.1',
        GRPC_HOST: '127.0.0.1',
        DEBUG_HOST: '127.0.0.1',
        PORT: String(httpPort),
        GRPC_PORT: String(grpcPort),
        DEBUG_PORT: String(debugPort),
        RUNTIME_ROOT: folder,
        RUNTIME_SUBDIRECTORY: subdirectory,
      };
      await running.until('an answer of Redis', async () => answers(redisPort));
      running.run(binary, [], { ...env, ...addresses });
      await running.until('a healthy service', async () => healthy(httpPort));
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  private readonly children: ChildProcess[] = [];
  private log = '';

  private constructor(private readonly folder: string, /** Where it listens on 127.0.0.1. */ public readonly port: number) {}

  public async stop(): Promise<void> {
    await Promise.all(this.children.splice(0).map(async child => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise(resolve => { child.once('exit', resolve); });
      child.kill('SIGKILL');
      await ended;
    }));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private run(binary: string, args: string[], env: Readonly<Record<string, string>>): void {
    const child = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { this.log = (this.log + String(chunk)).slice(-8000); });
    child.once('error', error => { this.log += error.message; });
    this.children.push(child);
  }

  private async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + READY_MS; !await holds();) {
      if (Date.now() > end || this.children.some(({ exitCode }) => exitCode !== null)) throw new Error(`${what} did not come:\n${this.log}`);
      await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map(async server => new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); })));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async server => new Promise(resolve => { server.close(resolve); })));
  return ports;
}

async function healthy(port: number): Promise<boolean> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path: '/healthcheck', agent: false }, response => resolve(response.resume().statusCode === 200)).on('error', () => resolve(false));
  });
}

/** Redis answers what is no command of its own with an error, which is an answer. */
async function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, agent: false }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
