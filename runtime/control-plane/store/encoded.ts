import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { VirtualHostSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import type { VirtualHost } from '../../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';

/** One resource ready for the wire. Made once per message, whatever number of proxies receive it. */
export interface EncodedResource {
  readonly name: string;
  /** Hash of the bytes: two resources are the same exactly where these are. */
  readonly hash: string;
  /** The resource as an entry of `DiscoveryResponse.resources`, field tag included. */
  readonly entry: Uint8Array;
  /** For a cluster of type EDS: the name under which its endpoints are asked for. */
  readonly edsName?: string;
}

/** Field 2 of DiscoveryResponse: `repeated google.protobuf.Any resources`. */
const RESOURCES_FIELD = 2;
const TYPE_URL_FIELD = 1;
const VALUE_FIELD = 2;

const encoded = new WeakMap<Message, EncodedResource>();

/** Encodes by identity: nobody changes a message after it was compiled, so its bytes can be kept for its lifetime. */
export function encodeResource<D extends DescMessage>(
  schema: D, message: Message, name: string, edsName?: string,
): EncodedResource {
  return encoded.get(message) ?? keep(schema, message, name, toBinary(schema, message as never), edsName);
}

/** Field of RouteConfiguration: `repeated VirtualHost virtual_hosts`. */
const VIRTUAL_HOSTS_FIELD = 2;

const hosts = new WeakMap<VirtualHost, Uint8Array>();

/**
 * A route configuration. A message's encoding is that of its fields one after the other, so a virtual host is encoded once, whatever becomes
 * of the others. They come last here, which no reader minds.
 */
export function encodeRoutes(routes: RouteConfiguration): EncodedResource {
  const known = encoded.get(routes);
  if (known) return known;
  const value = new BinaryWriter().raw(toBinary(RouteConfigurationSchema, { ...routes, virtualHosts: [] }));
  for (const host of routes.virtualHosts) {
    let bytes = hosts.get(host);
    if (bytes === undefined) hosts.set(host, bytes = toBinary(VirtualHostSchema, host));
    value.tag(VIRTUAL_HOSTS_FIELD, WireType.LengthDelimited).bytes(bytes);
  }
  return keep(RouteConfigurationSchema, routes, routes.name, value.finish());
}

function keep(schema: DescMessage, message: Message, name: string, value: Uint8Array, edsName?: string): EncodedResource {
  const entry = new BinaryWriter()
    .tag(RESOURCES_FIELD, WireType.LengthDelimited).fork()
    .tag(TYPE_URL_FIELD, WireType.LengthDelimited).string(`type.googleapis.com/${schema.typeName}`)
    .tag(VALUE_FIELD, WireType.LengthDelimited).bytes(value)
    .join().finish();
  const made: EncodedResource = { name, hash: contentHash([value]), entry, ...(edsName !== undefined && { edsName }) };
  encoded.set(message, made);
  return made;
}

/** 64 bits of SHA-256: versions are compared with each other, never trusted as a signature. */
export function contentHash(parts: Iterable<Uint8Array | string>): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}

/** Version of a set of resources: its names and contents, in the order given. */
export function versionOf(resources: Iterable<EncodedResource>): string {
  const parts: string[] = [];
  for (const { name, hash } of resources) parts.push(name, '\0', hash, '\n');
  return contentHash(parts);
}
