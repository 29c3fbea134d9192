import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Construct } from 'constructs';
import * as ts from 'typescript';
import * as library from '../src';

/** Every name that a user can write has a sentence of its own, and every property that may be left out says what holds then. */
interface Symbol { readonly name: string; readonly docs: string; readonly file: string; readonly optional: boolean; readonly node: ts.Node }

const symbols = publicFiles(join(__dirname, '../src/index.ts')).flatMap((file) => {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  return source.statements.flatMap((statement) => [...exportedSymbols(statement, file)]);
});

test('there is something to look at', () => {
  const tops = symbols.filter(({ name }) => !name.includes('.')).map(({ name }) => name);
  expect(Object.keys(library).filter((name) => !['argo', 'istio'].includes(name) && !tops.includes(name))).toEqual([]);
  expect(symbols.length).toBeGreaterThan(700);
});

test('each is documented', () => {
  expect(symbols.filter(({ docs }) => sentence(docs).length < 4).map(({ name }) => name)).toEqual([]);
});

test('a sentence begins with a capital or a value, and ends', () => {
  const odd = symbols.filter(({ docs }) => docs !== '' && !/^([^a-z]|gRPC)/.test(sentence(docs)) || !/[.:!?)`…]$/.test(sentence(docs)));
  expect(odd.map(({ name, docs }) => `${name}: ${sentence(docs)}`)).toEqual([]);
});

test('what may be left out says what holds then', () => {
  expect(symbols.filter(({ optional, docs }) => optional && !/@default \S|undefined (where|for|until|while|outside)/.test(docs)).map(({ name }) => name)).toEqual([]);
  expect(symbols.filter(({ optional, docs, node }) => !optional && ts.isPropertySignature(node) && /@default/.test(docs)).map(({ name }) => name)).toEqual([]);
});

test('each construct has an example, which docs.test.ts compiles', () => {
  const constructs = Object.entries(library).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct).map(([name]) => name);
  expect(constructs.length).toBeGreaterThan(20);
  expect(constructs.filter((name) => !symbols.find((each) => each.name === name)!.docs.includes('@example'))).toEqual([]);
});

test('what throws says which codes', () => {
  const helpers = helperCodes();
  const silent = symbols.flatMap(({ name, docs, node }) => {
    if (!ts.isMethodDeclaration(node) && !ts.isClassDeclaration(node)) return [];
    const own = ts.isMethodDeclaration(node) ? node : node.members.find((member) => ts.isConstructorDeclaration(member) && isPublic(member));
    const body = `${bodyOf(own)}${bodyOf(privateConstructor(node))}`;
    const called = [...body.matchAll(/(?<![.\w])(\w+)\(/g)].flatMap(([, helper]) => helpers.get(helper) ?? []);
    const thrown = new Set([...[...body.matchAll(/'(MESH_\w+)'/g)].map(([, code]) => code), ...called]);
    const told = [docs, own === undefined ? '' : docsOf(own), ts.isMethodDeclaration(node) ? docsOf(node.parent) : ''].join();
    return [...thrown].filter((code) => !told.includes(code)).sort().map((code) => `${name}: ${code}`);
  });
  expect(silent.filter((each) => !NEVER.some((never) => never.test(each)))).toEqual([]);
});

/** What a shared helper throws and these callers never make it throw: one host is no list, and no retry has no time. */
const NEVER = [/^Redirect\.\w+: MESH_HOST_(DUPLICATE|MISSING)$/, /^RetryPolicy\.none: MESH_DURATION_INVALID$/];

function bodyOf(node: ts.Node | undefined): string {
  return (node as ts.MethodDeclaration | ts.ConstructorDeclaration | undefined)?.body?.getText() ?? '';
}

/** What a static factory calls with `new`. */
function privateConstructor(node: ts.Node): ts.Node | undefined {
  const owner = node.parent;
  if (!ts.isMethodDeclaration(node) || !ts.isClassDeclaration(owner) || !bodyOf(node).includes(`new ${owner.name!.text}(`)) return undefined;
  return owner.members.find((member) => ts.isConstructorDeclaration(member) && !isPublic(member));
}

/** What helpers of constructs throw, by their names. */
function helperCodes(): Map<string, string[]> {
  const folder = join(__dirname, '../src/private');
  const found = new Map<string, string[]>();
  for (const file of readdirSync(folder)) {
    const source = ts.createSourceFile(file, readFileSync(join(folder, file), 'utf8'), ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements) {
      if (ts.isFunctionDeclaration(statement)) found.set(statement.name!.text, [...statement.getText().matchAll(/'(MESH_\w+)'/g)].map(([, code]) => code));
    }
  }
  return found;
}

/** What a doc comment says before its tags. */
function sentence(docs: string): string {
  return docs.split(/^@/m)[0].trim();
}

/** The files whose exports are the package's. */
function publicFiles(index: string): string[] {
  const modules = [...readFileSync(index, 'utf8').matchAll(/^export \* from '(.+)';$/gm)].map(([, path]) => join(dirname(index), path));
  return modules.flatMap((path) => {
    if (readdirSync(dirname(path)).includes(`${path.split('/').pop()}.ts`)) return [`${path}.ts`];
    return publicFiles(join(path, 'index.ts'));
  });
}

function* exportedSymbols(statement: ts.Statement, file: string): Iterable<Symbol> {
  const declares = ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isEnumDeclaration(statement);
  if (!declares || !modifiers(statement).includes(ts.SyntaxKind.ExportKeyword)) return;
  if (/@internal/.test(docsOf(statement))) return;
  const owner = statement.name!.text;
  yield* symbol(owner, statement, file);
  for (const member of statement.members) {
    if (ts.isConstructorDeclaration(member)) {
      for (const parameter of member.parameters) {
        if (isPublic(parameter) && modifiers(parameter).length > 0) yield* symbol(`${owner}.${parameter.name.getText()}`, parameter, file);
      }
    } else if (isPublic(member) && member.name !== undefined) {yield* symbol(`${owner}.${member.name.getText()}`, member, file);}
  }
}

function* symbol(name: string, node: ts.Node, file: string): Iterable<Symbol> {
  const docs = docsOf(node);
  if (/@internal/.test(docs)) return;
  const optional = ts.isPropertySignature(node) && node.questionToken !== undefined
    && ts.isInterfaceDeclaration(node.parent) && !/^I[A-Z]/.test(node.parent.name.text);
  yield { name, docs, file, optional, node };
}

function docsOf(node: ts.Node): string {
  const { text } = node.getSourceFile();
  const sameLine = ts.isParameter(node) ? ts.getTrailingCommentRanges(text, node.pos) ?? [] : [];
  const ranges = [...sameLine, ...ts.getLeadingCommentRanges(text, node.pos) ?? []];
  const comments = ranges.map(({ pos, end }) => text.slice(pos, end)).filter((comment) => comment.startsWith('/**'));
  return (comments.pop() ?? '').replace(/^\/\*\*|\*\/$/g, '').replace(/^ *\* ?/gm, '').trim();
}

function modifiers(node: ts.Node): ts.SyntaxKind[] {
  return (ts.canHaveModifiers(node) ? ts.getModifiers(node) ?? [] : []).map(({ kind }) => kind);
}

function isPublic(node: ts.Node): boolean {
  return ![ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword].some((kind) => modifiers(node).includes(kind));
}
