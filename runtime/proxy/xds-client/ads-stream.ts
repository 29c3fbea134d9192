import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { DiscoveryRequestSchema, DiscoveryResponseSchema, type DiscoveryRequest, type DiscoveryResponse } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** What happens on a stream. */
export interface StreamEvents {
  onResponse(response: DiscoveryResponse): void;
  /** The stream is over; called once. */
  onEnd(reason: string): void;
}

/** Opens ADS streams to one control plane. Knows nothing of what travels on them. */
export class AdsChannel {
  private readonly client: Client;

  public constructor(host: string, port: number) {
    this.client = new Client(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      // The stream's own back-off decides when to try again; the channel must not hold it up.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
    });
  }

  public open(events: StreamEvents): AdsStream {
    const call = this.client.makeBidiStreamRequest<DiscoveryRequest, DiscoveryResponse>(
      METHOD,
      request => Buffer.from(toBinary(DiscoveryRequestSchema, request)),
      bytes => fromBinary(DiscoveryResponseSchema, bytes),
    );
    return new AdsStream(call, events);
  }

  public close(): void {
    this.client.close();
  }
}

export class AdsStream {
  private over = false;

  public constructor(private readonly call: ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>, events: StreamEvents) {
    const end = (reason: string): void => {
      if (this.over) return;
      this.over = true;
      events.onEnd(reason);
    };
    call.on('data', (response: DiscoveryResponse) => {
      if (!this.over) events.onResponse(response);
    });
    call.on('error', (error: Error) => end(error.message));
    call.on('end', () => end('the control plane ended the stream'));
  }

  public send(request: DiscoveryRequest): void {
    if (!this.over) this.call.write(request);
  }

  public cancel(): void {
    this.over = true;
    this.call.on('error', () => undefined);
    this.call.cancel();
  }
}
