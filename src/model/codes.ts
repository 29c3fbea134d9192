/** Every code an error or finding of this project can carry, with its meaning. docs/errors.md is generated from it. */
export const CODES: Readonly<Record<string, string>> = {
  MESH_FIELD_UNSUPPORTED: 'a field that Istio knows and this version does not compile yet',
  MESH_KIND_UNKNOWN: 'a kind that its API group does not have',
  MESH_WORKLOAD_UNKNOWN: 'no workload of that name',
  MESH_YAML_SEPARATOR: 'two documents run together without ---',
  MESH_YAML_SYNTAX: 'the text is not YAML',
};
