import { create, toBinary } from '@bufbuild/protobuf';
import type { DescField, DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { anyPack, AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';

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
  return joined(schema, base, toBinary(schema, create(schema, init)));
}

/** The same for one field of text. */
export function packOntoText(schema: DescMessage, base: Uint8Array, field: DescField, text: string): Any {
  return joined(schema, base, text === '' ? NOTHING : new BinaryWriter().tag(field.number, WireType.LengthDelimited).string(text).finish());
}

const NOTHING = new Uint8Array();
const ANY = create(AnySchema);

function joined(schema: DescMessage, base: Uint8Array, own: Uint8Array): Any {
  const value = new Uint8Array(base.length + own.length);
  value.set(base);
  value.set(own, base.length);
  return { ...ANY, typeUrl: `type.googleapis.com/${schema.typeName}`, value };
}
