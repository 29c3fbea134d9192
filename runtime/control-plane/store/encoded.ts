import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { sameItems } from '../../../src/model/keep';
import { VirtualHostSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import type { VirtualHost } from '../../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';

/** One resource ready for the wire. Made once per message, whatever number of proxies receive it. */
export interface EncodedResource {
  readonly name: string;
  /** Hash of the bytes: two resources are the same exactly where these are. */
  readonly hash: string;
  /** The resource as an entry of `DiscoveryResponse.resources`, field tag included, in pieces that follow one another. */
  readonly entry: readonly Uint8Array[];
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
  const known = encoded.get(message);
  if (known !== undefined) return known;
  const value = toBinary(schema, message as never);
  const entry = [Buffer.concat([headOf(schema, value.length), value])];
  return keep(message, { name, hash: contentHash([value]), entry, ...(edsName !== undefined && { edsName }) });
}

/** Field of RouteConfiguration: `repeated VirtualHost virtual_hosts`. */
const VIRTUAL_HOSTS_FIELD = 2;

/** Virtual hosts that stand together, as fields of their route configuration. */
interface EncodedHosts {
  readonly hosts: readonly VirtualHost[];
  readonly fields: Uint8Array;
  readonly hash: string;
}

/** By the first of them. */
const stretches = new WeakMap<VirtualHost, EncodedHosts>();
const hostFields = new WeakMap<VirtualHost, Uint8Array>();
/** Hosts that are put together at a time: one that changes costs as many copies, and a configuration has as many fewer pieces. */
const STRETCH = 32;

function encodeHosts(hosts: readonly VirtualHost[]): EncodedHosts {
  const known = stretches.get(hosts[0]);
  if (known !== undefined && sameItems(known.hosts, hosts)) return known;
  const fields = Buffer.concat(hosts.map((host) => {
    let field = hostFields.get(host);
    if (field === undefined) {
      field = new BinaryWriter().tag(VIRTUAL_HOSTS_FIELD, WireType.LengthDelimited).bytes(toBinary(VirtualHostSchema, host)).finish();
      hostFields.set(host, field);
    }
    return field;
  }));
  const made = { hosts, fields, hash: contentHash([fields]) };
  stretches.set(hosts[0], made);
  return made;
}

/**
 * A route configuration. A message's encoding is that of its fields one after the other, so a virtual host is encoded and hashed once, whatever
 * becomes of the others. They come last here, which no reader minds.
 */
export function encodeRoutes(routes: RouteConfiguration): EncodedResource {
  const known = encoded.get(routes);
  if (known) return known;
  const { virtualHosts } = routes;
  const frame = toBinary(RouteConfigurationSchema, { ...routes, virtualHosts: [] });
  const own = Array.from({ length: Math.ceil(virtualHosts.length / STRETCH) },
    (_, index) => encodeHosts(virtualHosts.slice(index * STRETCH, (index + 1) * STRETCH)));
  const hash = contentHash([frame, own.map(each => each.hash).join()]);
  const length = own.reduce((sum, { fields }) => sum + fields.length, frame.length);
  return keep(routes, { name: routes.name, hash, entry: [headOf(RouteConfigurationSchema, length), frame, ...own.map(({ fields }) => fields)] });
}

/** What stands before the encoding of a message in an entry. */
function headOf(schema: DescMessage, length: number): Uint8Array {
  const any = new BinaryWriter()
    .tag(TYPE_URL_FIELD, WireType.LengthDelimited).string(`type.googleapis.com/${schema.typeName}`)
    .tag(VALUE_FIELD, WireType.LengthDelimited).uint32(length).finish();
  return new BinaryWriter().tag(RESOURCES_FIELD, WireType.LengthDelimited).uint32(any.length + length).raw(any).finish();
}

function keep(message: Message, made: EncodedResource): EncodedResource {
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
export function versionOf(resources: Iterable<Pick<EncodedResource, 'name' | 'hash'>>): string {
  const parts: string[] = [];
  for (const { name, hash } of resources) parts.push(name, '\0', hash, '\n');
  return contentHash(parts);
}
