import type { Protocol } from '../model/service';

/** gRPC calls decide themselves whether they may be repeated. */
export const isGrpc = (protocol: Protocol): boolean => protocol === 'GRPC' || protocol === 'GRPC-Web';
