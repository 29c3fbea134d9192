import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ControlPlaneSchema } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';
import { DiscoveryRequestSchema, DiscoveryResponseSchema } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';
import type { DiscoveryRequest } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';
import { TYPE_URL } from '../xds-types';
import type { XdsType } from '../xds-types';
import type { Content } from './subscription';

/** A response before it is put together: its resources are already bytes. */
export interface OutgoingResponse {
  readonly type: XdsType;
  readonly content: Content;
  readonly nonce: string;
  readonly identifier: string;
}

export function decodeRequest(bytes: Uint8Array): DiscoveryRequest {
  return fromBinary(DiscoveryRequestSchema, bytes);
}

/** Protobuf fields may follow in any order, so the head and the entries made beforehand are just joined. */
export function encodeResponse({ type, content, nonce, identifier }: OutgoingResponse): Buffer {
  const head = toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, {
    versionInfo: content.version, typeUrl: TYPE_URL[type], nonce, controlPlane: create(ControlPlaneSchema, { identifier }),
  }));
  return Buffer.concat([head, ...content.resources.flatMap(resource => resource.entry)]);
}
