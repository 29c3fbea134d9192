import { cdk8s, javascript } from 'projen';

const project = new cdk8s.ConstructLibraryCdk8s({
  name: 'cdk8s-mesh',
  description: 'Service mesh as code: cdk8s constructs for Istio that can be checked, explained, tested and run before any cluster exists',
  keywords: ['cdk8s', 'istio', 'envoy', 'service-mesh', 'kubernetes', 'xds'],
  author: 'cdk8s-mesh authors',
  authorAddress: 'authors@cdk8s-mesh.dev',
  repositoryUrl: 'https://github.com/cdk8s-mesh/cdk8s-mesh.git',
  defaultReleaseBranch: 'main',
  license: 'Apache-2.0',
  packageManager: javascript.NodePackageManager.NPM,
  projenVersion: '0.103.25',
  projenrcTs: true,
  github: false,
  release: false,
  depsUpgrade: false,
  sampleCode: false,
  cdk8sVersion: '2.70.106',
  constructsVersion: '10.8.1',
  peerDeps: ['cdk8s-plus-27@^2.9.5'],
  jsiiVersion: '~6.0.16',
  typescriptVersion: '~6.0.3',
  minNodeVersion: '20.16.0',
  // js-yaml for values and yaml for places: version 5 of js-yaml reads no faster than yaml does where a program has just started.
  bundledDeps: ['@bufbuild/protobuf@^2.17.0', 'js-yaml@^4.3.2', 're2js@^2.10.0', 'yaml@^2.9.1'],
  devDeps: [
    '@bufbuild/buf@^1.75.0',
    '@bufbuild/protoc-gen-es@^2.17.0',
    '@grpc/grpc-js@^1.14.7',
    '@grpc/grpc-js-xds@^1.14.1',
    '@peculiar/x509@^2.2.0',
    '@types/jest@^30',
    '@types/js-yaml@^4.0.9',
    'cdk8s-cli@^2.207.60',
    'chokidar@^4.0.3',
    'cli-table3@^0.6.5',
    'commander@^14.0.0',
    'dependency-cruiser@^17.3.9',
    'fast-check@^4.10.2',
    'jest@^30',
    'picocolors@^1.1.1',
    'reflect-metadata@^0.2.2',
  ],
  entrypoint: 'lib/src/index.js',
  tsconfig: {
    include: ['imports/**/*.ts'],
    compilerOptions: { rootDir: '.', module: 'node20', inlineSourceMap: false, inlineSources: false },
  },
  bundlerOptions: { esbuildVersion: '^0.28.2' },
  bin: { 'cdk8s-mesh': 'assets/runtime/main/index.cjs' },
  eslintOptions: {
    dirs: ['src', 'runtime'],
    devdirs: ['test', 'examples', 'bench'],
    ignorePatterns: ['src/xds/gen/', 'imports/', 'lib/', 'assets/', 'dist/', 'node_modules/', '*.js', '*.mjs', '*.cjs'],
    commandOptions: { fix: false },
  },
  jest: false, // configured below: esbuild transforms, tsc checks the types
  publishToPypi: { distName: 'cdk8s-mesh', module: 'cdk8s_mesh' },
  publishToMaven: { javaPackage: 'dev.cdk8smesh', mavenGroupId: 'dev.cdk8s-mesh', mavenArtifactId: 'cdk8s-mesh' },
  publishToGo: { moduleName: 'github.com/cdk8s-mesh/cdk8s-mesh-go' },
});
project.package.addField('types', 'lib/src/index.d.ts'); // projen forces lib/index.d.ts


// Programs: one file with nothing to install, which is also the package's binary.
project.bundler.addBundle('runtime/main.ts', {
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outfile: 'index.cjs',
  executable: true,
  minify: true,
  watchTask: false,
  metafile: false,
});

// Everything outside jsii's own program (runtime, tests, examples, benchmarks) is type-checked by one configuration.
const tsconfig = new javascript.TypescriptConfig(project, {
  fileName: 'tsconfig.dev.json',
  include: ['src/**/*.ts', 'imports/**/*.ts', 'runtime/**/*.ts', 'test/**/*.ts', 'examples/**/*.ts', 'bench/**/*.ts'],
  exclude: ['node_modules', 'lib', 'dist', 'assets', 'examples/*/dist'],
  compilerOptions: {
    noEmit: true,
    rootDir: '.',
    target: 'es2022',
    lib: ['es2022'],
    module: 'node20',
    strict: true,
    esModuleInterop: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: true,
    resolveJsonModule: true,
    skipLibCheck: true,
    types: ['node', 'jest'],
    paths: { 'cdk8s-mesh': ['./src/index.ts'] },
  },
});
for (const dir of ['runtime', 'examples', 'bench']) { // eslint's project service wants a nearest tsconfig.json
  new javascript.TypescriptConfig(project, { fileName: `${dir}/tsconfig.json`, include: ['**/*.ts'], compilerOptions: { rootDir: '..' } }).addExtends(tsconfig);
}
project.package.addField('jest', {
  transform: { '\\.(ts|mjs|js)$': '<rootDir>/test/support/esbuild-transform.cjs' },
  transformIgnorePatterns: ['/node_modules/'],
  testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/examples/**/*.test.ts'],
  moduleNameMapper: { '^cdk8s-mesh$': '<rootDir>/src/index.ts' },
  modulePathIgnorePatterns: ['<rootDir>/lib/', '<rootDir>/dist/', '<rootDir>/assets/'],
  reporters: ['default', '<rootDir>/test/support/not-run-reporter.cjs'],
  testTimeout: 30_000, // a bound for what hangs: a machine with much else to do is slow, and no failure
});
// What takes addresses and processes of this machine runs one file after another, beside what needs one core too; the rest on all cores.
const REAL = ['test/cli/', 'test/integration/', 'test/proxy/', 'test/control-plane/', 'examples/bookinfo/test/integration/'];
const sockets = project.addTask('test:sockets', { description: 'Tests with sockets and processes', exec: `jest --ci --runInBand ${REAL.join(' ')}` });
const source = project.addTask('test:source', {
  description: 'Types, direction of dependency, lint',
  steps: [
    { exec: `tsc -p ${tsconfig.fileName}`, name: 'types' },
    { exec: 'depcruise --config .dependency-cruiser.cjs src runtime', name: 'direction of dependency' },
    { spawn: 'eslint' },
  ],
});
const data = project.addTask('test:data', {
  description: 'Tests of data alone', exec: `jest --ci --maxWorkers=100% --testPathIgnorePatterns /node_modules/ ${REAL.join(' ')}`,
});
project.testTask.reset();
project.testTask.exec(`node scripts/side-by-side.mjs ${sockets.name} ${source.name}`);
project.testTask.spawn(data);

project.package.setScript('start', 'node scripts/start.mjs');
project.package.setScript('bundle', 'projen bundle');

project.eslint!.addOverride({ // the package by its own name: tsconfig.dev.json maps it to src/, tsc checks it
  files: ['examples/**/*.ts'], rules: { 'import/no-unresolved': ['error', { ignore: ['^cdk8s-mesh$'] }] },
});
project.eslint!.allowDevDeps('**/runtime/**'); // bundled, so development dependencies are what they are
project.tasks.addEnvironment('JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION', '20');
project.tasks.tryFind('docgen')!.reset('jsii-docgen -s root -o API.md');
for (const path of ['/imports/', '/runtime/', '/examples/', '/bench/', '/scripts/', '/rosetta/', '/.ci/', '/.real-parts', '/.jsii.tabl.json', '/.dependency-cruiser.cjs', '/tsconfig.dev.json', '/.npmrc']) {
  project.npmignore!.exclude(path);
}
project.gitignore.exclude('.jsii.tabl.json', '/assets/', '/examples/*/dist/', '/bench/results/', '/.real-parts');
project.synth();
