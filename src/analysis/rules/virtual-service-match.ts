import type { HttpMatch } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { labelRules, quote, stringMatchRules } from './common';
import type { Reporter } from './context';
import { isHeaderName, isLabel, isPort } from './predicates';

const CLAIM = /^@request\.auth\.claims(?:\.[^]+|\[[^]+\])$/i;
const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':status']);

/** Conditions of one match of an HTTP rule. `gatewayOnly`: the rule acts on gateways alone, where alone claims of tokens are known. */
export function conditionRules(at: Reporter, match: HttpMatch, path: Path, gatewayOnly: boolean): void {
  stringMatchRules(at, match.uri, [...path, 'uri'], true);
  for (const field of ['scheme', 'method', 'authority'] as const) stringMatchRules(at, match[field], [...path, field]);
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const) {
    for (const [name, condition] of Object.entries(match[field] ?? {})) {
      const place = [...path, field, name];
      if (field === 'headers' && condition === null) at.invalid(place, 'MESH_MATCH_INVALID', `${fieldOf(place)} has a condition, got null`, 'write {} to ask for the header\'s presence');
      if (field !== 'queryParams') headerKey(at, name, place, gatewayOnly);
      if (field !== 'withoutHeaders' || condition?.regex !== '*') stringMatchRules(at, condition, place);
    }
  }
  if (match.port !== undefined && match.port !== 0 && !isPort(match.port)) at.invalid([...path, 'port'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${match.port}`, 'choose one in that range');
  labelRules(at, match.sourceLabels, [...path, 'sourceLabels']);
  if ((match.sourceNamespace ?? '') !== '' && !isLabel(match.sourceNamespace!)) {
    at.invalid([...path, 'sourceNamespace'], 'MESH_NAME_INVALID', `a namespace's name has letters, digits and -, got ${quote(match.sourceNamespace)}`, 'correct the name');
  }
}

function headerKey(at: Reporter, name: string, path: Path, gatewayOnly: boolean): void {
  if (name.startsWith('@')) {
    if (!CLAIM.test(name)) at.invalid(path, 'MESH_HEADER_INVALID', `a claim is named @request.auth.claims.NAME, got ${quote(name)}`, 'correct the name');
    else if (!gatewayOnly) at.invalid(path, 'MESH_CLAIM_INVALID', `claims of a token can be matched on gateways only, got ${name} in a rule for the mesh`, 'bind the VirtualService to gateways without mesh');
  } else if (!isHeaderName(name) && !PSEUDO.has(name)) {
    at.invalid(path, 'MESH_HEADER_INVALID', `a header's name is a token, got ${quote(name)}`, 'correct the name');
  }
}
