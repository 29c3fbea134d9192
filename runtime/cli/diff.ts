import type { Command } from 'commander';
import { Option } from 'commander';
import { createColors } from 'picocolors';
import { EXIT } from './exit';
import { readWholeInput } from './input';
import type { Io } from './io';
import { readMesh } from './model-input';
import { changeText, diffMeshes } from '../../src/analysis/diff';
import type { Change } from '../../src/analysis/diff';
import { applyOrder, stepText } from '../../src/analysis/order';

/** `diff`: what two sets of manifests mean differently to traffic and access. */
export function registerDiff(program: Command, io: Io, done: (code: number) => void): void {
  program.command('diff')
    .description('say what changes for traffic and access between two sets of manifests')
    .argument('<before>', 'folder or file of Kubernetes and Istio manifests as they were')
    .argument('<after>', 'the same as they are now')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .option('--order', 'print instead in which order to apply the change, so that no route leads nowhere in between')
    .addHelpText('after', `
Compares what proxies do, not text: other file names, another order of rules that do not overlap, or a rule that is split in two
change nothing. Each line is one change and the proxies it holds for: + came, - went, ~ is another.
Exit code 1 where there is any difference.

With --order each line is one step: what is needed is made before what needs it, and goes after it. Where a manifest loses a part
that routes lead to until a later step, it is applied twice: first with that part (-o json has the whole manifest), then as it is.

Examples:
  $ cdk8s-mesh diff dist-before dist
  $ git worktree add ../main main && cdk8s-mesh diff ../main/dist dist
  $ cdk8s-mesh diff before.yaml after.yaml -o json
  $ cdk8s-mesh diff dist-before dist --order`)
    .action((before: string, after: string, { output, order }: { output: 'text' | 'json'; order?: true }) => {
      if (order === true) return done(printOrder(before, after, output, io));
      const notes = new Set<string>();
      const changes = diffMeshes(readMesh([before], io, notes).model, readMesh([after], io, notes).model);
      io.stdout.write(output === 'json' ? `${JSON.stringify(changes, undefined, 2)}\n` : textOf(changes, io.color));
      if (output === 'text' && changes.length === 0) io.stderr.write('No difference for traffic and access.\n');
      done(changes.length > 0 ? EXIT.findings : EXIT.good);
    });
}

function printOrder(before: string, after: string, output: 'text' | 'json', io: Io): number {
  const steps = applyOrder(readWholeInput([before], io).resources, readWholeInput([after], io).resources);
  io.stdout.write(output === 'json' ? `${JSON.stringify(steps, undefined, 2)}\n` : steps.map((step, index) => `${stepText(step, index + 1)}\n`).join(''));
  if (output === 'text' && steps.length === 0) io.stderr.write('Nothing to apply.\n');
  return steps.length > 0 ? EXIT.findings : EXIT.good;
}

function textOf(changes: readonly Change[], color: boolean): string {
  const paint = createColors(color);
  const tint: Readonly<Record<string, (text: string) => string>> = { '+': paint.green, '-': paint.red, '~': paint.yellow };
  return changes.map(change => changeText(change)).map(text => `${(tint[text[0]] ?? String)(text[0])}${text.slice(1)}\n`).join('');
}
