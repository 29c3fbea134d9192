import { create } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';

/** A message of `schema`, made from plain fields and packed as an Any with its `type.googleapis.com/` URL. */
export function pack<D extends DescMessage>(schema: D, init?: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

/** The message inside an Any, if it is one of `schema`. */
export function unpack<D extends DescMessage>(any: Any | undefined, schema: D): MessageShape<D> | undefined {
  return any && anyUnpack(any, schema);
}
