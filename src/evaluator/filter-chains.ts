import { inRange, ipBytes, prepareRange, type Range } from './addresses';
import { prepareTerminal, type Terminal } from './network-filters';
import { quote, type TraceSink } from './trace';
import { FilterChainMatch_ConnectionSourceType as SourceType } from '../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { FilterChain, FilterChainMatch } from '../xds/gen/envoy/config/listener/v3/listener_components_pb';

/** A filter chain, prepared. */
export interface Chain {
  readonly name: string;
  readonly message: FilterChain;
  readonly terminal: Terminal;
  /** Whether it takes TLS connections and ends them itself. */
  readonly terminatesTls: boolean;
  readonly criteria: readonly Criterion[];
}

/** What the listener filters found out about a connection. */
export interface Detected {
  readonly port: number;
  readonly address: readonly number[] | undefined;
  readonly serverName: string;
  readonly transport: string;
  readonly protocols: readonly string[];
  readonly source: readonly number[] | undefined;
}

/**
 * One criterion of a chain. `rank` says how specifically the connection meets it: 0 not at all; higher beats lower.
 * Envoy goes through the criteria in a fixed order and keeps, at each, only the chains of the highest rank; it never comes back
 * to a less specific one.
 */
interface Criterion {
  readonly rank: (found: Detected) => number;
  readonly explain: (found: Detected) => string;
}

/** Rank of a chain that does not ask for anything. */
const ANY = 1;

export function prepareChain(message: FilterChain): Chain {
  const match = message.filterChainMatch;
  return {
    name: message.name,
    message,
    terminal: prepareTerminal(message),
    terminatesTls: message.transportSocket !== undefined && message.transportSocket.name !== 'envoy.transport_sockets.raw_buffer',
    criteria: match === undefined ? [] : criteriaOf(match),
  };
}

/** The chain that takes a connection; undefined where none does, and the connection is closed. */
export function matchChain(chains: readonly Chain[], fallback: Chain | undefined, found: Detected, trace?: TraceSink): Chain | undefined {
  let left = chains;
  for (let i = 0; i < CRITERIA && left.length > 0; i++) {
    let best = 0;
    for (const chain of left) best = Math.max(best, rankAt(chain, i, found));
    left = best === 0 ? [] : left.filter(chain => rankAt(chain, i, found) === best);
  }
  const chosen = left[0] ?? fallback;
  if (trace !== undefined) traceChains(chains, fallback, chosen, found, trace);
  return chosen;
}

function rankAt(chain: Chain, criterion: number, found: Detected): number {
  return chain.criteria[criterion]?.rank(found) ?? ANY;
}

function traceChains(chains: readonly Chain[], fallback: Chain | undefined, chosen: Chain | undefined, found: Detected, trace: TraceSink): void {
  for (const [i, chain] of chains.entries()) {
    const failed = chain.criteria.find(criterion => criterion.rank(found) === 0);
    const event = { step: 'filterChain' as const, name: chain.name === '' ? `chain ${i + 1}` : chain.name };
    if (chain === chosen) trace({ ...event, outcome: 'chosen' });
    else if (failed !== undefined) trace({ ...event, outcome: 'failed', because: failed.explain(found) });
    else trace({ ...event, outcome: 'skipped', because: 'another chain is more specific' });
  }
  if (fallback !== undefined) {
    trace({ step: 'filterChain', name: fallback.name, outcome: chosen === fallback ? 'chosen' : 'skipped', because: 'default filter chain' });
  }
}

/** Envoy's order: port, IP, server name, transport, application protocols, direct source, source type, source IP, source port. */
const CRITERIA = 8;

function criteriaOf(match: FilterChainMatch): Criterion[] {
  const { destinationPort, serverNames, transportProtocol, applicationProtocols, sourceType } = match;
  return [
    {
      rank: ({ port }) => (destinationPort === undefined ? ANY : port === destinationPort ? 2 : 0),
      explain: ({ port }) => `port ≠ ${destinationPort} (got ${port})`,
    },
    ranges(match.prefixRanges.map(prepareRange), 'address', ({ address }) => address),
    {
      rank: ({ serverName }) => (serverNames.length === 0 ? ANY : Math.max(0, ...serverNames.map(name => serverNameRank(name, serverName)))),
      explain: ({ serverName }) => `server name is none of ${serverNames.map(quote).join(', ')} (${serverName === '' ? 'absent' : `got ${quote(serverName)}`})`,
    },
    {
      rank: ({ transport }) => (transportProtocol === '' ? ANY : transport === transportProtocol ? 2 : 0),
      explain: ({ transport }) => `transport ≠ ${quote(transportProtocol)} (got ${quote(transport)})`,
    },
    {
      // The client's order decides, not the chain's.
      rank: ({ protocols }) => {
        if (applicationProtocols.length === 0) return ANY;
        const place = protocols.findIndex(protocol => applicationProtocols.includes(protocol));
        return place < 0 ? 0 : 2 + protocols.length - place;
      },
      explain: ({ protocols }) => `application protocol is none of ${applicationProtocols.map(quote).join(', ')} (${protocols.length === 0 ? 'absent' : `got ${protocols.map(quote).join(', ')}`})`,
    },
    ranges(match.directSourcePrefixRanges.map(prepareRange), 'source address', ({ source }) => source),
    {
      rank: ({ source, address }) => {
        if (sourceType === SourceType.ANY) return ANY;
        return isLocal(source, address) === (sourceType === SourceType.SAME_IP_OR_LOOPBACK) ? 2 : 0;
      },
      explain: () => `source is ${sourceType === SourceType.EXTERNAL ? 'local' : 'not local'}`,
    },
    ranges(match.sourcePrefixRanges.map(prepareRange), 'source address', ({ source }) => source),
  ];
}

/** Longest prefix wins. */
function ranges(list: readonly (Range | undefined)[], what: string, read: (found: Detected) => readonly number[] | undefined): Criterion {
  const known = list.filter(range => range !== undefined);
  return {
    rank: found => {
      if (list.length === 0) return ANY;
      const address = read(found);
      if (address === undefined) return 0;
      const lengths = known.filter(range => inRange(address, range)).map(({ length }) => length);
      // 0.0.0.0/0 is the same entry as no range at all.
      return lengths.length === 0 ? 0 : ANY + Math.max(...lengths);
    },
    explain: found => `${what} is in none of ${known.map(range => `${addressText(range.bytes)}/${range.length}`).join(', ')} (${addressText(read(found))})`,
  };
}

function addressText(bytes: readonly number[] | undefined): string {
  if (bytes === undefined) return 'absent';
  if (bytes.length === 4) return bytes.join('.');
  return bytes.map(byte => byte.toString(16).padStart(2, '0')).join('').replace(/(.{4})(?!$)/g, '$1:');
}

/** Exact beats `*.example.com` beats `*.com`. */
function serverNameRank(wanted: string, serverName: string): number {
  const name = wanted.toLowerCase();
  if (name === serverName) return Number.MAX_SAFE_INTEGER;
  const suffix = name.startsWith('*.') ? name.slice(1) : undefined;
  return suffix !== undefined && serverName.length > suffix.length && serverName.endsWith(suffix) ? ANY + suffix.length : 0;
}

function isLocal(source: readonly number[] | undefined, address: readonly number[] | undefined): boolean {
  if (source === undefined) return false;
  const loopback = source.length === 4 ? source[0] === 127 : source.slice(0, 15).every(byte => byte === 0) && source[15] === 1;
  return loopback || (address !== undefined && source.length === address.length && source.every((byte, i) => byte === address[i]));
}

/** A connection's IP addresses as the criteria compare them. */
export function detectedAddress(address: string | undefined): readonly number[] | undefined {
  return address === undefined ? undefined : ipBytes(address);
}
