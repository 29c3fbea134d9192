/** Attributes that an AuthorizationPolicy's conditions may be about, besides headers, claims and those of Envoy's filters. */
export const CONDITION_KEYS: readonly string[] = [
  'source.ip', 'remote.ip', 'source.namespace', 'source.serviceAccount', 'source.principal', 'source.trustDomain',
  'request.auth.principal', 'request.auth.audiences', 'request.auth.presenter', 'destination.ip', 'destination.port', 'connection.sni',
];

const KEYED = /^(?:request\.headers|request\.auth\.claims|experimental\.envoy\.filters\.)[^[]*\[[^]+\]$/;

export function isConditionKey(key: string): boolean {
  return CONDITION_KEYS.includes(key) || KEYED.test(key);
}
