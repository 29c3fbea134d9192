import { objectOf, textOf } from '../../../src/model/json';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

/** `proxy-config ecds`: configurations of filters that were asked for by name. */
export function ecdsTable({ extensions }: Pick<ProxyDump, 'extensions'>): string {
  const rows = extensions.map(({ name, typedConfig }) => {
    const url = textOf(objectOf(typedConfig)['@type']) ?? '';
    return [textOf(name) ?? '', url.slice(url.lastIndexOf('/') + 1)];
  });
  return columns([['ECDS NAME', 'TYPE'], ...rows], 5);
}
