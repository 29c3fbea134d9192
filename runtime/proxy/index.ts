/** The reference proxy: an Envoy in miniature that serves what the compiler makes, deciding with the simulator's evaluator. */
export { createDataPlane, DataPlane, type Applied, type DataPlaneOptions } from './data-plane';
export type { RequestReport } from './environment';
export { ISTIO_FORMAT } from './filters/access-log';
export { SYSTEM_CLOCK, type Clock } from './timers';
export { startProxy, type ProxyOptions, type RunningProxy } from './proxy';
export type { NodeFacts } from './xds-client/xds-client';
