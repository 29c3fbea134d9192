import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { JsonObject } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { TYPE_URL, typeOfUrl } from '../../../runtime/control-plane/xds-types';
import type { XdsType } from '../../../runtime/control-plane/xds-types';
import { DiscoveryRequestSchema, DiscoveryResponseSchema } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';
import type { DiscoveryRequest, DiscoveryResponse } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';

/** What a response says, with the names of its resources. */
export interface Received {
  readonly type: XdsType;
  readonly version: string;
  readonly nonce: string;
  readonly names: readonly string[];
  readonly response: DiscoveryResponse;
}

export interface NodeFacts {
  readonly id: string;
  readonly metadata?: JsonObject;
}

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/**
 * An ADS client that says only what a test tells it to. Responses wait in a list until `next()` takes them, so a response that
 * should not have come is found by the one that follows it.
 */
export class AdsClient {
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>;
  private readonly received: Received[] = [];
  private readonly waiting: ((response: Received) => void)[] = [];
  private readonly ended: Promise<StatusObject>;
  private introduced = false;

  public constructor(port: number, private readonly node: NodeFacts | undefined, method = METHOD) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.stream = this.client.makeBidiStreamRequest<DiscoveryRequest, DiscoveryResponse>(
      method, request => Buffer.from(toBinary(DiscoveryRequestSchema, request)), bytes => fromBinary(DiscoveryResponseSchema, bytes),
    );
    this.ended = new Promise(resolve => { this.stream.on('status', resolve); });
    this.stream.on('error', () => undefined); // told by `status` as well
    this.stream.on('data', (response: DiscoveryResponse) => {
      const received: Received = {
        type: typeOfUrl(response.typeUrl)!,
        version: response.versionInfo,
        nonce: response.nonce,
        response,
        names: response.resources.map(resource => nameIn(resource.value)),
      };
      const waiting = this.waiting.shift();
      if (waiting) waiting(received);
      else this.received.push(received);
    });
  }

  /** Asks for a type: the first time, or as a client does that lost its state. */
  public ask(type: XdsType, names: readonly string[] = []): void {
    this.send({ typeUrl: TYPE_URL[type], resourceNames: [...names] });
  }

  /** Accepts a response, naming what is wanted from now on. */
  public ack({ type, version, nonce }: Received, names: readonly string[] = []): void {
    this.send({ typeUrl: TYPE_URL[type], versionInfo: version, responseNonce: nonce, resourceNames: [...names] });
  }

  public nack({ type, nonce }: Received, message: string, names: readonly string[] = []): void {
    this.send({ typeUrl: TYPE_URL[type], responseNonce: nonce, resourceNames: [...names], errorDetail: { $typeName: 'google.rpc.Status', code: 3, message, details: [] } });
  }

  /** The next response, in the order in which they came. */
  public async next(): Promise<Received> {
    const received = this.received.shift();
    return received ?? new Promise(resolve => { this.waiting.push(resolve); });
  }

  /** How the server ended the stream. */
  public async status(): Promise<StatusObject> {
    return this.ended;
  }

  public close(): void {
    this.stream.cancel();
    this.client.close();
  }

  private send(request: Partial<DiscoveryRequest>): void {
    const message = create(DiscoveryRequestSchema, request as Partial<Omit<DiscoveryRequest, '$typeName' | '$unknown'>>);
    if (!this.introduced && this.node) {
      this.introduced = true;
      message.node = { $typeName: 'envoy.config.core.v3.Node', id: this.node.id, cluster: '', metadata: this.node.metadata ?? {}, dynamicParameters: {}, userAgentName: '', userAgentVersionType: { case: undefined }, extensions: [], clientFeatures: [], listeningAddresses: [] };
    }
    this.stream.write(message);
  }
}

/** All resource types that ADS carries here have their name in field 1, which is written first. */
function nameIn(value: Uint8Array): string {
  const length = value[1]!;
  return Buffer.from(value.subarray(2, 2 + length)).toString();
}
