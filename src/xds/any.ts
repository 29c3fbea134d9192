import { create, toBinary } from '@bufbuild/protobuf';
import type { DescField, DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';
import * as literal from './literals';

/** A message of `schema`, made from plain fields and packed as an Any with its `type.googleapis.com/` URL. */
export function pack<D extends DescMessage>(schema: D, init?: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

/** The message inside an Any, if it is one of `schema`. */
export function unpack<D extends DescMessage>(any: Any | undefined, schema: D): MessageShape<D> | undefined {
  return any && anyUnpack(any, schema);
}

/**
 * Like `pack`, of `base` (the encoding of a message of the same schema) with the fields of `init` merged in.
 * By protobuf's rules encodings that stand one after the other merge, so what many messages have in common is encoded once.
 */
export function packOnto<D extends DescMessage>(schema: D, base: Uint8Array, init: MessageInitShape<D>): Any {
  const own = toBinary(schema, create(schema, init));
  return encoded(schema, writer.raw(base).raw(own).finish());
}

/** The same for one field of text. */
export function packOntoText(schema: DescMessage, base: Uint8Array, field: DescField, text: string): Any {
  writer.raw(base);
  if (text !== '') writer.tag(field.number, WireType.LengthDelimited).string(text);
  return encoded(schema, writer.finish());
}

/** Empty whenever nobody writes; kept, because it has grown as large as it needs to be. */
const writer = new BinaryWriter();

const urls = new Map<DescMessage, string>();

function encoded(schema: DescMessage, value: Any['value']): Any {
  let url = urls.get(schema);
  if (url === undefined) urls.set(schema, url = `type.googleapis.com/${schema.typeName}`);
  return literal.any(url, value);
}
