import { clone, isFieldSet } from '@bufbuild/protobuf';
import type { DescField, DescMessage, Message, MessageShape, Registry } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';

/** A message as its fields lie in it; oneofs are `{ case, value }`. */
type Fields = Record<string, unknown>;

export interface MergeOptions {
  /** A list given replaces the list that is there, rather than being appended. */
  readonly replaceLists?: boolean;
}

/** Merges `source` into `target` as protobuf does: lists grow, maps are united, messages merge, what is not set stays. */
export function mergeInto<D extends DescMessage>(schema: D, target: MessageShape<D>, source: MessageShape<D>, options: MergeOptions = {}): void {
  for (const field of schema.fields) {
    if (isFieldSet(source as Message, field)) mergeField(field, target as unknown as Fields, source as unknown as Fields, options);
  }
}

function mergeField(field: DescField, target: Fields, source: Fields, options: MergeOptions): void {
  if (field.oneof !== undefined) {
    const [mine, theirs] = [target[field.oneof.localName], source[field.oneof.localName]] as [Oneof, Oneof];
    if (field.fieldKind === 'message' && mine.case === theirs.case) mine.value = merged(field, mine.value, theirs.value, options);
    else target[field.oneof.localName] = { case: theirs.case, value: copied(field, theirs.value) };
    return;
  }
  const [name, theirs] = [field.localName, source[field.localName]];
  if (field.fieldKind === 'list') {
    const copies = (theirs as unknown[]).map(item => (field.message === undefined ? item : copied(field, item)));
    target[name] = options.replaceLists === true ? copies : [...target[name] as unknown[], ...copies];
  } else if (field.fieldKind === 'map') {
    const copies = Object.entries(theirs as Fields).map(([key, value]) => [key, field.message === undefined ? value : copied(field, value)]);
    target[name] = { ...target[name] as Fields, ...Object.fromEntries(copies) };
  } else {
    target[name] = field.fieldKind === 'message' ? merged(field, target[name], theirs, options) : theirs;
  }
}

interface Oneof { readonly case?: string; value?: unknown }

/** Half of one duration and half of another are no duration. */
const DURATION = 'google.protobuf.Duration';

function merged(field: DescField, mine: unknown, theirs: unknown, options: MergeOptions): unknown {
  if (mine === undefined || field.message === undefined || field.message.typeName === DURATION) return copied(field, theirs);
  if (isMessage(mine) && isMessage(theirs)) {
    const target = clone(field.message, mine);
    mergeInto(field.message, target, theirs, options);
    return target;
  }
  // Struct stands as plain JSON, wrappers as their values: protobuf cannot see a wrapped zero.
  if (typeof mine === 'object' && typeof theirs === 'object') return { ...mine, ...theirs };
  return theirs === 0 || theirs === false || theirs === '' ? mine : theirs;
}

function copied(field: DescField, value: unknown): unknown {
  return field.message !== undefined && isMessage(value) ? clone(field.message, value) : value;
}

const isMessage = (value: unknown): value is Message => typeof value === 'object' && value !== null && '$typeName' in value;

/** Merges what two Anys hold, where both hold the same type; otherwise the first stays as it is. */
export function mergeAny(registry: Registry, target: Any, source: Any): Any {
  if (target.typeUrl !== source.typeUrl) return target;
  const [mine, theirs] = [anyUnpack(target, registry), anyUnpack(source, registry)];
  const schema = mine && registry.getMessage(mine.$typeName);
  if (mine === undefined || theirs === undefined || schema === undefined) return target;
  mergeInto(schema, mine, theirs);
  return anyPack(schema, mine);
}
