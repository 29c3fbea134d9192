import { logVerbosity, Server, ServerCredentials, setLogVerbosity, status } from '@grpc/grpc-js';
import type { ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import { decodeRequest, encodeResponse } from './codec';
import type { OutgoingResponse } from './codec';
import { MeshError } from '../../../src/model/error';
import type { DiscoveryRequest } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';

/** One `StreamAggregatedResources` call, as the rest of the control plane sees it. */
export interface AdsStream {
  readonly peer: string;
  /** False when the stream has taken enough for now. */
  readonly send: (response: OutgoingResponse) => boolean;
  /** Ends the call with a gRPC error. */
  readonly refuse: (code: status, message: string) => void;
}

/** Who serves a stream. */
export interface StreamHandler {
  readonly request: (request: DiscoveryRequest) => void;
  /** The stream takes more again. */
  readonly drained: () => void;
  readonly closed: () => void;
}

export interface AdsServer {
  readonly port: number;
  close(): Promise<void>;
}

type Call = ServerDuplexStream<DiscoveryRequest, OutgoingResponse>;

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

const definition: ServiceDefinition = {
  streamAggregatedResources: {
    path: `${SERVICE}/StreamAggregatedResources`,
    originalName: 'StreamAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestDeserialize: decodeRequest,
    requestSerialize: never,
    responseSerialize: encodeResponse,
    responseDeserialize: never,
  },
  deltaAggregatedResources: {
    path: `${SERVICE}/DeltaAggregatedResources`,
    originalName: 'DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestDeserialize: bytes => bytes,
    requestSerialize: never,
    responseSerialize: never,
    responseDeserialize: never,
  },
};

/** A dead peer is noticed within about a minute, as istiod does. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 20_000 };

/** Serves the aggregated discovery service over plaintext HTTP/2. Port 0 takes a free one. */
export async function serveAds(host: string, port: number, accept: (stream: AdsStream) => StreamHandler): Promise<AdsServer> {
  setLogVerbosity(logVerbosity.NONE); // grpc-js would print beside the errors it hands over
  const server = new Server(KEEPALIVE);
  server.addService(definition, {
    streamAggregatedResources: (call: Call) => serve(call, accept),
    deltaAggregatedResources: (call: Call) => {
      fail(call, status.UNIMPLEMENTED, 'delta xDS is not served yet; use api_type GRPC instead of DELTA_GRPC');
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(authority(host, port), ServerCredentials.createInsecure(), (error, taken) => {
      if (error) reject(new MeshError('MESH_PORT_TAKEN', `the control plane listens on ${authority(host, port)}, got "${error.message}"; stop what holds it, or give another port`));
      else resolve(taken);
    });
  });
  return {
    port: bound,
    close: async () => { server.forceShutdown(); },
  };
}

function serve(call: Call, accept: (stream: AdsStream) => StreamHandler): void {
  let open = true;
  const handler = accept({
    peer: call.getPeer(),
    send: response => open && call.write(response),
    refuse: (code, message) => fail(call, code, message),
  });
  const closed = (): void => {
    if (open) {
      open = false;
      handler.closed();
    }
  };
  call.on('data', (request: DiscoveryRequest) => { if (open) handler.request(request); });
  call.on('drain', () => { if (open) handler.drained(); });
  call.on('end', () => {
    closed();
    call.end();
  });
  call.on('cancelled', closed);
  call.on('error', closed);
  call.on('close', closed);
}

function fail(call: Call, code: status, details: string): void {
  call.emit('error', { code, details, message: details, name: 'ServiceError' });
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A server only decodes requests and encodes responses. */
function never(): never {
  throw new Error('a server has no use for this direction');
}
