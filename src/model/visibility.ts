/** Who sees an exported resource (istio-behaviour A6). Values: `*` all, `.` own namespace, `~` nobody, or a namespace. */

/** Whether `viewer` sees a resource of namespace `owner`; an empty exportTo means the mesh default. */
export function isVisible(exportTo: readonly string[], owner: string, viewer: string, meshDefault: readonly string[]): boolean {
  const values = exportTo.length > 0 ? exportTo : meshDefault;
  return values.some(value => value === '*' || (value === '.' ? owner === viewer : value === viewer));
}

/** Values of exportTo written as one comma-separated annotation. */
export function exportToOf(annotation: string | undefined): string[] {
  return (annotation ?? '').split(',').map(value => value.trim()).filter(value => value !== '');
}
