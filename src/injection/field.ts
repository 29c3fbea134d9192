/**
 * Field of a Kubernetes type: its name, its type (`*T` pointer, `[]T` list, `{}T` map), whether it is written even where it is empty
 * (as its zero value or as null), and the key by which its list is merged.
 */
export type Field = readonly [name: string, type: string, always?: string, mergeKey?: string];
