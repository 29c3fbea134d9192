// Writes NOTICE: every third-party package whose code this package carries (inlined into the binary, or bundled as a dependency),
// with its licence text. `--check` fails where the committed NOTICE differs.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleRuntime, root } from './bundle.mjs';

const read = (path) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json'));

/** `node_modules/a/node_modules/@b/c/lib/x.js` → `node_modules/a/node_modules/@b/c`. */
const packageFolder = (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];

/** Folders of the packages with at least one byte in the binary. */
async function inlined() {
  const { metafile } = await bundleRuntime({ write: false, metafile: true });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => packageFolder(file)).filter(Boolean);
}

/** The bundled dependencies and what they depend on. */
function bundled(names = manifest.bundledDependencies, from = '', seen = new Set()) {
  for (const name of names) {
    const nested = `${from}node_modules/${name}`;
    const folder = existsSync(join(root, nested, 'package.json')) ? nested : `node_modules/${name}`;
    if (seen.has(folder)) continue;
    seen.add(folder);
    bundled(Object.keys(JSON.parse(read(`${folder}/package.json`)).dependencies ?? {}), `${folder}/`, seen);
  }
  return [...seen];
}

function noticeOf(folder) {
  const { name, version, license, author, homepage, repository } = JSON.parse(read(`${folder}/package.json`));
  const file = (pattern) => readdirSync(join(root, folder)).filter((entry) => pattern.test(entry)).sort()[0];
  const licence = file(/^(licen[cs]e|copying)/i);
  const notice = file(/^notice/i);
  const by = typeof author === 'string' ? author : author?.name;
  const text = licence !== undefined ? read(`${folder}/${licence}`) : `Licence: ${license}. ${by ? `By ${by}. ` : ''}The package carries no licence file.`;
  const where = homepage ?? (typeof repository === 'string' ? repository : repository?.url) ?? '';
  return { name, version, license: typeof license === 'string' ? license : license?.type, where, text: [text, notice && read(`${folder}/${notice}`)].filter(Boolean).map((part) => part.replaceAll('\r', '').trim()).join('\n\n') };
}

/** The messages under src/xds/gen are made from files of these projects, all under the Apache License 2.0, whose text is in LICENSE. */
const GENERATED = [
  'Envoy (https://github.com/envoyproxy/envoy), xds (https://github.com/cncf/xds), protoc-gen-validate (https://github.com/bufbuild/protoc-gen-validate),',
  'googleapis (https://github.com/googleapis/googleapis), OpenCensus and OpenTelemetry protocol definitions: Protocol Buffers messages.',
  'Istio (https://github.com/istio/api): Protocol Buffers messages, and the custom resource definitions that imports/ is made from.',
  'Argo Rollouts (https://github.com/argoproj/argo-rollouts): the custom resource definitions that imports/argoproj.io.ts is made from.',
].join('\n');

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1);
const packages = [...new Set([...await inlined(), ...bundled()])].map(noticeOf).sort(byName);
const unlicensed = packages.filter((one) => one.license === undefined);
if (unlicensed.length > 0) throw new Error(`no licence is named by ${unlicensed.map((one) => one.name).join(', ')}`);

const rule = '-'.repeat(80);
const notice = [
  `${manifest.name}\nCopyright the ${manifest.author.name}\n\nThis product carries code of the projects below, each under its own licence.`,
  GENERATED,
  ...packages.map(({ name, version, license, where, text }) => `${rule}\n${name} ${version} (${license}) ${where}\n\n${text}`),
].join('\n\n') + '\n';

if (!process.argv.includes('--check')) {
  writeFileSync(join(root, 'NOTICE'), notice);
  console.log(`NOTICE: ${packages.length} packages`);
} else if (!existsSync(join(root, 'NOTICE')) || read('NOTICE') !== notice) {
  console.error('NOTICE differs from the code that is bundled; run `node scripts/generate-notice.mjs`');
  process.exitCode = 1;
} else console.log(`NOTICE: ${packages.length} packages, the same text`);
