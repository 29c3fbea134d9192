import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Construct } from 'constructs';
import * as library from '../src';

/** Each construct has a page of its own: what it is for, an example, what that renders, and its limits. docs.test.ts runs the examples. */
const folder = join(__dirname, '../docs/constructs');
const constructs = Object.entries(library).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct).map(([name]) => name);

test.each(constructs)('%s has a page with its intent, an example, the rendered YAML and its limits', (name) => {
  const page = readFileSync(join(folder, `${name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.md`), 'utf8');
  const [, title, intent, rest] = /^# (.+)\n\n([^#`][^]*?)\n\n(```[^]*)$/.exec(page)!;
  expect(title).toBe(name);
  expect(intent.split(/\s+/).length).toBeGreaterThan(10);
  const [example, ...others] = [...rest.matchAll(/^```(\w+)( title="[^"]+")?\n([^]*?)^```$/gm)].map(([, language, shown, text]) => ({ language, shown, text }));
  expect(example).toMatchObject({ language: 'ts', text: expect.stringMatching(name === 'MeshVersion' ? /\.addVersion\(/ : new RegExp(`new ${name}\\(`)) });
  expect(others.filter(({ language, shown, text }) => language === 'yaml' && shown !== undefined && /^kind: \w+$/m.test(text))).not.toEqual([]);
  const [, limits] = /^## Limits\n\n([^]+)$/m.exec(rest)!;
  expect(limits).not.toMatch(/^## /m);
  expect(limits.trim().split(/\s+/).length).toBeGreaterThan(4);
});
