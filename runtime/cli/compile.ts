import type { Command } from 'commander';
import { Option } from 'commander';
import { configDump } from './dump/write';
import { EXIT } from './exit';
import type { Io } from './io';
import { readMesh } from './model-input';
import { addProxyOptions, chooseProxy } from './proxy-options';
import type { ProxyOptions } from './proxy-options';

/** `compile`: what istiod would send to one proxy, as the config dump of its Envoy. */
export function registerCompile(program: Command, io: Io, done: (code: number) => void): void {
  const command = program.command('compile')
    .description('print the Envoy configuration of one proxy as a config dump')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests')
    .option('--proxy <workload>', 'NAME, NAME.NAMESPACE, deploy/NAME or pod/NAME')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['json']).default('json'));
  addProxyOptions(command).addHelpText('after', `
The output is that of Envoy's /config_dump, so that \`istioctl proxy-config … --file\` and other tools read it.

Examples:
  $ cdk8s-mesh compile dist --proxy productpage-v1.default > dump.json
  $ istioctl proxy-config routes --file dump.json
  $ cdk8s-mesh compile dist --type sidecar --namespace shop --labels app=web,version=v1
  $ cdk8s-mesh compile dist --proxy istio-ingressgateway.istio-system --dialect stock`)
    .action(async (paths: string[], options: ProxyOptions) => {
      const { model, compiler } = readMesh(paths, io);
      const proxy = chooseProxy(model, options);
      io.stdout.write(`${JSON.stringify(await configDump(model, proxy, compiler.compile(proxy)), undefined, 2)}\n`);
      done(EXIT.good);
    });
}
