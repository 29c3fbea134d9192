import { objectOf, textOf, textsOf } from '../../model/json';
import { TlsParameters_TlsProtocol } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { Mesh } from '../mesh';

const VERSIONS: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** A version by its name; undefined for TLS_AUTO and for none. */
export const tlsVersion = (name: string | undefined): TlsParameters_TlsProtocol | undefined => VERSIONS[name ?? ''];

/** What MeshConfig says of TLS: inside the mesh (`meshMTLS`), or towards and from others (`tlsDefaults`). */
export interface TlsDefaults {
  readonly least?: TlsParameters_TlsProtocol;
  readonly cipherSuites: string[];
  readonly ecdhCurves: string[];
}

export function tlsDefaults(mesh: Mesh, block: 'tlsDefaults' | 'meshMTLS'): TlsDefaults {
  const given = objectOf(mesh.model.config.raw[block]);
  return {
    least: tlsVersion(textOf(given.minProtocolVersion)), cipherSuites: [...textsOf(given.cipherSuites)], ecdhCurves: [...textsOf(given.ecdhCurves)],
  };
}
