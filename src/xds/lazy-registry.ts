import type { Registry } from '@bufbuild/protobuf';

/** The registry for callers that seldom need it: making the descriptors of all messages takes longer than most analyses. */
export function lazyRegistry(): Registry {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return (require('./registry') as typeof import('./registry')).registry;
}
