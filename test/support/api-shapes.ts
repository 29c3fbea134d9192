import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as ts from 'typescript';

/** What callers hand to the package, read from its sources: members of structs, parameters of calls, values of enumerations. */
export interface Shapes {
  /** Members that each struct declares, by `name` or, where they may be left out, `name?`. */
  readonly STRUCTS: Record<string, Record<string, string>>;
  /** The struct that a struct extends. */
  readonly BASES: Record<string, string>;
  /** Parameters of each static and other method, by `Class.static()` and `Class#method()`; one of any number is called `...name`. */
  readonly CALLS: Record<string, Record<string, string>>;
  /** What whatever implements an interface has at least. */
  readonly INTERFACES: Record<string, string[]>;
  readonly ENUMS: Record<string, string[]>;
  readonly CLASSES: string[];
}

type Exported = ts.ClassDeclaration | ts.InterfaceDeclaration | ts.EnumDeclaration;

/** The shapes of what a file exports by `export * from`. */
export function shapesOf(index: string): Shapes {
  const declared = new Map(publicFiles(index).flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
    return source.statements.filter(isExported).map((each): [string, Exported] => [each.name!.text, each]);
  }));
  const STRUCTS: Shapes['STRUCTS'] = {};
  const BASES: Shapes['BASES'] = {};
  const CALLS: Shapes['CALLS'] = {};
  const INTERFACES: Shapes['INTERFACES'] = {};
  const ENUMS: Shapes['ENUMS'] = {};
  const CLASSES: string[] = [];
  for (const [name, each] of [...declared].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (ts.isEnumDeclaration(each)) ENUMS[name] = each.members.map(({ initializer }) => (initializer as ts.StringLiteral).text);
    if (ts.isInterfaceDeclaration(each)) {
      if (/^I[A-Z]/.test(name)) {INTERFACES[name] = membersOf(each, declared).filter(({ questionToken }) => questionToken === undefined).map(nameOf).sort();} else {
        const [base] = basesOf(each).filter((other) => declared.has(other));
        if (base !== undefined) BASES[name] = base;
        STRUCTS[name] = Object.fromEntries(ownMembers(each).map((member) => [`${nameOf(member)}${member.questionToken ? '?' : ''}`, typeOf((member as ts.PropertySignature).type)]));
      }
    }
    if (ts.isClassDeclaration(each)) {
      CLASSES.push(name);
      for (const member of each.members) {
        if (ts.isMethodDeclaration(member) && isPublic(member) && member.parameters.length > 0) CALLS[`${name}${isStatic(member) ? '.' : '#'}${nameOf(member)}()`] = parametersOf(member);
        if (ts.isConstructorDeclaration(member) && isPublic(member)) CALLS[`new ${name}()`] = parametersOf(member);
      }
    }
  }
  return { STRUCTS, BASES, CALLS, INTERFACES, ENUMS, CLASSES };
}

/** The structs of which callers make values, and not only get them. */
export function givenStructs({ STRUCTS, BASES, CALLS }: Shapes): string[] {
  const given = new Set<string>();
  const take = (type: string): void => {
    const name = type.replace(/[{}[\]]/g, '');
    if (STRUCTS[name] === undefined || given.has(name)) return;
    given.add(name);
    [...Object.values(STRUCTS[name]), ...BASES[name] === undefined ? [] : [BASES[name]]].forEach(take);
  };
  Object.values(CALLS).flatMap((parameters) => Object.values(parameters)).forEach(take);
  return [...given].sort();
}

function publicFiles(index: string): string[] {
  const modules = [...readFileSync(index, 'utf8').matchAll(/^export \* from '(.+)';$/gm)].map(([, path]) => join(dirname(index), path));
  return modules.flatMap((path) => (readdirSync(dirname(path)).includes(`${path.split('/').pop()}.ts`) ? [`${path}.ts`] : publicFiles(join(path, 'index.ts'))));
}

function isExported(statement: ts.Statement): statement is Exported {
  const declares = ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isEnumDeclaration(statement);
  return declares && kindsOf(statement).includes(ts.SyntaxKind.ExportKeyword) && !isInternal(statement);
}

/** Members of an interface and of those that it extends, which were declared here. */
function membersOf(each: ts.InterfaceDeclaration, declared: ReadonlyMap<string, Exported>): ts.TypeElement[] {
  const bases = basesOf(each).map((base) => declared.get(base));
  return [...bases.flatMap((base) => (base !== undefined && ts.isInterfaceDeclaration(base) ? membersOf(base, declared) : [])), ...ownMembers(each)];
}

function ownMembers(each: ts.InterfaceDeclaration): ts.TypeElement[] {
  return each.members.filter((member) => !isInternal(member));
}

function basesOf(each: ts.InterfaceDeclaration): string[] {
  return each.heritageClauses?.flatMap(({ types }) => types.map(({ expression }) => expression.getText())) ?? [];
}

function parametersOf(call: ts.MethodDeclaration | ts.ConstructorDeclaration): Record<string, string> {
  return Object.fromEntries(call.parameters.map((each) => {
    const optional = each.questionToken !== undefined || each.initializer !== undefined;
    if (each.dotDotDotToken !== undefined) return [`...${nameOf(each)}`, typeOf(each.type).replace(/\[\]$/, '')];
    return [`${nameOf(each)}${optional ? '?' : ''}`, typeOf(each.type)];
  }));
}

/** A type in short: `T[]` for lists, `{T}` for what has names of the caller's choice. */
function typeOf(type: ts.TypeNode | undefined): string {
  if (type === undefined) throw new Error('a public member without a type');
  if (ts.isArrayTypeNode(type)) return `${typeOf(type.elementType)}[]`;
  if (ts.isTypeLiteralNode(type)) return `{${typeOf((type.members[0] as ts.IndexSignatureDeclaration).type)}}`;
  return type.getText();
}

function nameOf(node: ts.TypeElement | ts.ClassElement | ts.ParameterDeclaration): string {
  return node.name!.getText().replace(/^_(?=namespace)/, '');
}

function kindsOf(node: ts.Node): ts.SyntaxKind[] {
  return (ts.canHaveModifiers(node) ? ts.getModifiers(node) ?? [] : []).map(({ kind }) => kind);
}

function isStatic(node: ts.Node): boolean { return kindsOf(node).includes(ts.SyntaxKind.StaticKeyword); }

function isPublic(node: ts.Node): boolean {
  return !isInternal(node) && ![ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword].some((kind) => kindsOf(node).includes(kind));
}

function isInternal(node: ts.Node): boolean {
  const { text } = node.getSourceFile();
  return (ts.getLeadingCommentRanges(text, node.pos) ?? []).some(({ pos, end }) => text.slice(pos, end).includes('@internal'));
}

/** The same as the source of a module. */
export function shapesText(shapes: Shapes): string {
  const lines = (table: object): string => Object.entries(table).map(([name, value]) => `  ${key(name)}: ${literal(value)},\n`).join('');
  const table = (name: string, type: string, values: object): string => `export const ${name}: Readonly<Record<string, ${type}>> = {\n${lines(values)}};\n`;
  const given = new Set(givenStructs(shapes));
  const only = <T>(values: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(values).filter(([name]) => given.has(name)));
  return [
    '/* eslint-disable */',
    '// Generated from the public types: UPDATE_SHAPES=1 npx jest --ci test/arguments.test.ts',
    '',
    '/** Members that each struct declares, by `name` or, where they may be left out, `name?`. */',
    table('STRUCTS', 'Readonly<Record<string, string>>', only(shapes.STRUCTS)),
    '/** The struct that a struct extends. */',
    table('BASES', 'string', only(shapes.BASES)),
    '/** Parameters of each method; one of any number is called `...name`. */',
    table('CALLS', 'Readonly<Record<string, string>>', Object.fromEntries(Object.entries(shapes.CALLS).filter(([name]) => !name.startsWith('new ')))),
    '/** What whatever implements an interface has at least. */',
    table('INTERFACES', 'readonly string[]', shapes.INTERFACES),
    '/** Values of enumerations. */',
    table('ENUMS', 'readonly string[]', shapes.ENUMS),
    '/** Classes of values. */',
    `export const CLASSES: readonly string[] = ${literal(shapes.CLASSES)};`,
    '',
  ].join('\n');
}

function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  const members = Object.entries(value as object).map(([name, each]) => `${key(name)}: ${literal(each)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function key(name: string): string { return /^\w+$/.test(name) ? name : `'${name}'`; }
