import type { JwtRule } from '../../istio-security-api';
import type { Mesh } from '../../mesh';
import { clusterOfProvider } from '../provider-cluster';

/** Where the keys of an issuer are: in the configuration itself, or behind a cluster that Envoy asks. */
export type KeySource =
  | { readonly inline: string; readonly uri?: undefined }
  | { readonly inline?: undefined; readonly uri: string; readonly cluster: string };

/** A key whose private half nobody kept: where no keys can be had every token is refused, which is Istio's choice, too. */
const NOBODYS_KEY = JSON.stringify({
  keys: [{
    e: 'AQAB',
    kid: 'nobody',
    kty: 'RSA',
    n: 'k_dfoEX3SIKsXArXTH2SrBysmW-NrHvAbKnaDefMkRlOaHfuTSVFFfWbcEThLZ7oPnZxk1p5ZsUhQbfmvSzrXvCWrjF_NGXdDj4Zd_ES8aw_7kDgLpi901cbIjPfV1Gi_AUItmUi'
      + 'qiNtpebkt7Fb7pSpb-c6NLTcUE_XGrraQReUDAVbND9HTqeTRT6T_ZmvoU72dyIaJwZOjMWth3FrZTeI9TL7Vvf2TBDHMv9ARg87MbgJ6cq8qXZytOJ4UKAmhRCRULrQ23TmEP2R-'
      + 'I_orb3k5e1jsqjeIp46fZ_uVyaUM9U7CuOCaqs1f42WqWKoMfKuHIM0Py3v92cmYkqqNQ',
  }],
});

/**
 * Keys of a rule. A compiler fetches nothing: keys by URI are asked for by Envoy where the mesh has a service of that host
 * (a ServiceEntry for an issuer outside), and are unknown otherwise.
 */
export function jwksOf(mesh: Mesh, rule: JwtRule): KeySource {
  if (rule.jwks !== undefined && rule.jwks !== '') return { inline: rule.jwks };
  const uri = rule.jwksUri ?? rule.jwks_uri ?? '';
  const parts = /^(https?):\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(?:[/?#]|$)/.exec(uri);
  if (parts === null) return { inline: NOBODYS_KEY };
  const [, scheme, host, port] = parts;
  const found = clusterOfProvider(mesh, host.toLowerCase(), port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port));
  return found === undefined ? { inline: NOBODYS_KEY } : { uri, cluster: found.cluster };
}
