// Turns one TypeScript (or ESM) file into CommonJS for jest. Types are checked by `tsc`, not here.
const { createHash } = require('crypto');
const { readFileSync } = require('fs');
const esbuild = require('esbuild');

const self = readFileSync(__filename);

module.exports = {
  getCacheKey: (source, path) => createHash('sha1').update(self).update(esbuild.version).update(path).update(source).digest('hex'),
  process: (source, path) => esbuild.transformSync(source, {
    loader: path.endsWith('.ts') ? 'ts' : 'js', format: 'cjs', target: 'node20', sourcefile: path, sourcemap: 'inline', sourcesContent: false,
  }),
};
