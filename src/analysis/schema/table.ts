/** Types a field can have. `duration` is at least 1 ms, `duration0` may be zero. */
export type Scalar =
  | 'string' | 'boolean' | 'integer' | 'unsigned' | 'number' | 'port' | 'int-or-string' | 'duration' | 'duration0' | 'any';

/** A scalar, or the index of a structure. */
export type TypeRef = Scalar | number;

export interface ObjectNode {
  readonly fields: Readonly<Record<string, TypeRef>>;
  readonly required?: readonly string[];
  /** Groups of which at most one field may be set (protobuf `oneof`). */
  readonly oneOf?: readonly (readonly string[])[];
}

/** One structure of a schema. */
export type Node = ObjectNode | { readonly list: TypeRef } | { readonly map: TypeRef } | { readonly enum: readonly string[] };

/** What the API server knows of one kind. */
export interface KindSchema {
  readonly kind: string;
  readonly group: string;
  /** Newest first. */
  readonly versions: readonly string[];
  readonly spec: TypeRef;
}
