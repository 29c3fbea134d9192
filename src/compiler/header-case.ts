import type { Mesh } from './mesh';
import { proxyConfigOf } from './proxy-config';
import { objectOf } from '../model/json';
import type { Proxy } from '../model/proxy';
import { pack } from '../xds/any';
import { PreserveCaseFormatterConfigSchema } from '../xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb';

/** Whether names of HTTP/1.1 headers keep their letters as somebody wrote them, for applications that mind (`proxyHeaders` of ProxyConfig). */
export function preservesHeaderCase(mesh: Mesh, proxy: Pick<Proxy, 'metadata'>): boolean {
  return objectOf(proxyConfigOf(mesh, proxy).proxyHeaders).preserveHttp1HeaderCase === true;
}

const PRESERVED = {
  headerKeyFormat: {
    headerFormat: {
      case: 'statefulFormatter' as const, value: { name: 'preserve_case', typedConfig: pack(PreserveCaseFormatterConfigSchema) },
    },
  },
};

/** Options of HTTP/1.1 of a proxy, on either side. */
export const http1Options = (preserved: boolean) => (preserved ? PRESERVED : {});
