export { analyze, analyzeManifests, analyzeResources } from './analyze';
export { placeOf, textOf } from './finding';
export type { Finding, Severity } from './finding';
