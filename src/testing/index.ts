export * from './access-matrix';
export * from './mesh-request';
export * from './mesh-result';
export * from './mesh-testing';
export * from './rollout-testing';
export * from './rule-coverage';
