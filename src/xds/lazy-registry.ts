import type { Registry } from '@bufbuild/protobuf';

/** The registry for callers that seldom need it: making the descriptors of all messages takes longer than most analyses. */
export function lazyRegistry(): Registry {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return (require('./registry') as typeof import('./registry')).registry;
}

type Protobuf = typeof import('@bufbuild/protobuf');

/** `fromJson` for the same callers, who then do not load the package either. */
export function lazyFromJson(): Protobuf['fromJson'] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return (require('@bufbuild/protobuf') as Protobuf).fromJson;
}
