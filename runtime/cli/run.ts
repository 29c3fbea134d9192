import { Command, CommanderError } from 'commander';
import { EXIT, exitCodeOf } from './exit';
import type { Io } from './io';
import { UsageError } from './usage-error';
import { version } from '../../package.json';
import { MeshError } from '../../src/model/error';
import { InputError } from '../control-plane/sources/source';

/** Adds one command to the program. `done` takes the exit code of an action. */
export type Register = (program: Command, io: Io, done: (code: number) => void) => void;

/* eslint-disable @typescript-eslint/no-require-imports */
/** Commands in the order of the help. Each is loaded when it is asked for: loading all takes longer than most of them run. */
const COMMANDS: ReadonlyMap<string, () => Register> = new Map([
  ['up', () => (require('./up') as typeof import('./up')).registerUp],
  ['explain', () => (require('./explain') as typeof import('./explain')).registerExplain],
  ['compile', () => (require('./compile') as typeof import('./compile')).registerCompile],
  ['proxy-config', () => (require('./proxy-config') as typeof import('./proxy-config')).registerProxyConfig],
  ['analyze', () => (require('./analyze') as typeof import('./analyze')).registerAnalyze],
  ['diff', () => (require('./diff') as typeof import('./diff')).registerDiff],
  ['simulate', () => (require('./simulate') as typeof import('./simulate')).registerSimulate],
  ['rollout', () => (require('./rollout') as typeof import('./rollout')).registerRollout],
  ['graph', () => (require('./graph') as typeof import('./graph')).registerGraph],
  ['inject', () => (require('./inject') as typeof import('./inject')).registerInject],
  ['control-plane', () => (require('./control-plane') as typeof import('./control-plane')).registerControlPlane],
  ['proxy', () => (require('./proxy') as typeof import('./proxy')).registerProxy],
  ['create-remote-secret', () => (require('./create-remote-secret') as typeof import('./create-remote-secret')).registerCreateRemoteSecret],
]);
/* eslint-enable @typescript-eslint/no-require-imports */

/** Runs one command line (without `node` and the script's name) and returns its exit code. Never throws on bad input. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.good;
  const program = programOf(io);
  // Help and a misspelt command speak of all of them.
  const named = COMMANDS.get(argv[0] ?? '');
  for (const load of named === undefined ? COMMANDS.values() : [named]) load()(program, io, (result) => { code = result; });
  // Options set on the program are inherited only by commands made after them; these are made by hand.
  for (const command of program.commands) inherit(command, program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    return report(error, io);
  }
}

function programOf(io: Io): Command {
  return new Command('cdk8s-mesh')
    .description('Explain, check, compile and run a service mesh from its manifests, before any cluster exists.')
    .version(version, '-V, --version', 'print the version')
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      getOutHelpWidth: () => 120,
      getErrHelpWidth: () => 120,
    })
    .exitOverride()
    .showHelpAfterError('(add --help for all options)')
    .addHelpText('after', `
Exit codes: 0 good; 1 findings, differences or failed expectations; 2 wrong use or unreadable input; 130 Ctrl-C.

Examples:
  $ cdk8s-mesh up dist
  $ cdk8s-mesh explain dist GET http://reviews:9080/ --from productpage-v1 -H 'end-user: jason'
  $ cdk8s-mesh simulate requests.yaml dist
  $ cdk8s-mesh proxy-config routes deploy/productpage-v1 dist
  $ cdk8s-mesh analyze dist`);
}

function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}

/** Prints what went wrong, in one form for all commands. */
function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
  if (error instanceof InputError) {
    for (const each of error.errors) io.stderr.write(`${each.message}\n`);
    return exitCodeOf(error.errors);
  }
  if (error instanceof UsageError || error instanceof MeshError) {
    io.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (io.signal.aborted) return EXIT.interrupted;
  throw error;
}
