export * from './mesh-request';
export * from './mesh-result';
export * from './mesh-testing';
