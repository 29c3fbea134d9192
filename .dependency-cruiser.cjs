/** The one direction of dependency (ARCHITECTURE.md). Nothing upward, no cycles. */
const only = (name, from, to) => ({ name, severity: 'error', from: { path: from }, to: { path: '^(src|runtime|imports)/', pathNot: to } });

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { pathNot: '^src/xds/gen' }, to: { circular: true } },
    only('model-knows-nothing', '^src/model/', '^src/model/'),
    only('xds-knows-nothing', '^src/xds/', '^src/xds/'),
    only('compiler-knows-model-and-xds', '^src/compiler/', '^src/(compiler|model|xds)/'),
    only('evaluator-knows-xds', '^src/evaluator/', '^src/(evaluator|xds)/'),
    only('injection-knows-model', '^src/injection/', '^src/(injection|model)/'),
    only('analysis-knows-the-core', '^src/analysis/', '^src/(analysis|model|compiler|evaluator|xds)/'),
    only('testing-knows-the-core', '^src/testing/', '^src/(testing|analysis|model|compiler|evaluator|xds|private)/|^src/[^/]+\\.ts$'),
    only('constructs-know-constructs', '^src/[^/]+\\.ts$', '^src/[^/]+\\.ts$|^src/private/|^imports/|^src/testing/index\\.ts$'),
    only('private-knows-constructs', '^src/private/(?!verify|virtual-hosts)', '^src/private/|^src/[^/]+\\.ts$|^imports/|^src/injection/index\\.ts$|^src/model/(codes|condition-keys|error|remote-secret)\\.ts$'),
    only('virtual-hosts-is-the-door-to-explicit-capture', '^src/private/virtual-hosts\\.ts$', '^src/(private|model)/|^src/compiler/explicit\\.ts$'),
    only('verify-is-the-one-door', '^src/private/verify\\.ts$', '^src/(private|analysis|testing|model)/|^src/[^/]+\\.ts$'),
    only('runtime-knows-the-core', '^runtime/', '^runtime/|^src/(model|compiler|evaluator|analysis|injection|xds)/'),
    { name: 'pure-core-does-no-io', severity: 'error', from: { path: '^src/(model|compiler|evaluator|analysis|injection|xds)/', pathNot: '^src/evaluator/access/signature\\.ts$' }, to: { dependencyTypes: ['core'] } }, // checking a signature is a function of its input
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.dev.json' }, enhancedResolveOptions: { extensions: ['.ts', '.js'] } },
};
