import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const root = join(__dirname, '../..');

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly title: string;
  readonly text: string;
  /** Its place among the blocks of the page. */
  readonly at: number;
  /** With its fences, as the page has it. */
  readonly whole: string;
}

export function blocksOf(page: string): Block[] {
  const found = readFileSync(page, 'utf8').matchAll(/^```(\w+)(?: title="([^"]*)")?\n([^]*?)^```$/gm);
  return [...found].map(([whole, language, title = '', text], at) => ({ language, title, text, at, whole }));
}

/** What the compiler, as strict as with our own sources, has against files that exist only here. */
export function compileFaults(sources: ReadonlyMap<string, string>): string[] {
  const read = ts.readConfigFile(join(root, 'tsconfig.dev.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const loose = { ...options, noEmit: true, noUnusedLocals: false, noUnusedParameters: false, incremental: false };
  const host = ts.createCompilerHost(loose);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (file, ...rest) => {
    const own = sources.get(file);
    return own === undefined ? getSourceFile.call(host, file, ...rest) : ts.createSourceFile(file, own, ts.ScriptTarget.ES2022);
  };
  host.fileExists = (file) => sources.has(file) || fileExists.call(host, file);
  host.readFile = (file) => sources.get(file) ?? readFile.call(host, file);
  const program = ts.createProgram([...sources.keys()], loose, host);
  const faults = [...sources.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  return faults.map((fault) => `${fault.file?.fileName}: ${ts.flattenDiagnosticMessageText(fault.messageText, '\n')}`);
}

/** Runs a program of a page, `import`s and all, and returns what it exports. */
export function runModule(code: string): Record<string, any> {
  const { outputText } = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS } });
  const exported = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, no-new-func
  new Function('exports', 'require', outputText)(exported, require);
  return exported;
}
