import { inRange, ipBytes, prepareRange, type Range } from './addresses';
import type { Connection } from './connection';
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
  /** By place in Envoy's order; undefined where it does not ask. */
  readonly criteria: readonly (Criterion | undefined)[];
}

/** What the listener filters found out about a connection. Addresses are read only where a chain asks for ranges. */
export class Detected {
  private parsedAddress: readonly number[] | undefined | null = null;

  public constructor(
    private readonly connection: Pick<Connection, 'address' | 'port' | 'sourceAddress'>,
    public readonly transport: string,
    public readonly serverName: string,
    public readonly protocols: readonly string[],
  ) {}

  public get port(): number { return this.connection.port; }

  public get address(): readonly number[] | undefined {
    if (this.parsedAddress === null) this.parsedAddress = ipBytes(this.connection.address);
    return this.parsedAddress;
  }

  public get source(): readonly number[] | undefined {
    return this.connection.sourceAddress === undefined ? undefined : ipBytes(this.connection.sourceAddress);
  }
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
  for (let i = 0; i < CRITERIA && left.length > 0; i++) left = mostSpecific(left, i, found);
  const chosen = left[0] ?? fallback;
  if (trace !== undefined) traceChains(chains, fallback, chosen, found, trace);
  return chosen;
}

function mostSpecific(chains: readonly Chain[], place: number, found: Detected): readonly Chain[] {
  let best = 0;
  let worst = Infinity;
  for (const chain of chains) {
    const rank = rankAt(chain, place, found);
    if (rank > best) best = rank;
    if (rank < worst) worst = rank;
  }
  // Mostly no chain asks, or all are alike.
  if (best === worst) return best === 0 ? [] : chains;
  return chains.filter(chain => rankAt(chain, place, found) === best);
}

function rankAt(chain: Chain, place: number, found: Detected): number {
  const criterion = chain.criteria[place];
  return criterion === undefined ? ANY : criterion.rank(found);
}

function traceChains(chains: readonly Chain[], fallback: Chain | undefined, chosen: Chain | undefined, found: Detected, trace: TraceSink): void {
  for (const [i, chain] of chains.entries()) {
    const failed = chain.criteria.find(criterion => criterion?.rank(found) === 0);
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

function criteriaOf(match: FilterChainMatch): (Criterion | undefined)[] {
  return [
    match.destinationPort === undefined ? undefined : portIs(match.destinationPort),
    ranges(match.prefixRanges.map(prepareRange), 'address', ({ address }) => address),
    match.serverNames.length === 0 ? undefined : serverNameIn(match.serverNames),
    match.transportProtocol === '' ? undefined : transportIs(match.transportProtocol),
    match.applicationProtocols.length === 0 ? undefined : protocolIn(match.applicationProtocols),
    ranges(match.directSourcePrefixRanges.map(prepareRange), 'source address', ({ source }) => source),
    match.sourceType === SourceType.ANY ? undefined : sourceIs(match.sourceType),
    ranges(match.sourcePrefixRanges.map(prepareRange), 'source address', ({ source }) => source),
  ];
}

function portIs(wanted: number): Criterion {
  return { rank: ({ port }) => (port === wanted ? 2 : 0), explain: ({ port }) => `port ≠ ${wanted} (got ${port})` };
}

function serverNameIn(names: readonly string[]): Criterion {
  return {
    rank: ({ serverName }) => Math.max(...names.map(name => serverNameRank(name, serverName))),
    explain: ({ serverName }) => `server name is none of ${names.map(quote).join(', ')} (${serverName === '' ? 'absent' : `got ${quote(serverName)}`})`,
  };
}

function transportIs(wanted: string): Criterion {
  return { rank: ({ transport }) => (transport === wanted ? 2 : 0), explain: ({ transport }) => `transport ≠ ${quote(wanted)} (got ${quote(transport)})` };
}

/** The client's order decides, not the chain's. */
function protocolIn(wanted: readonly string[]): Criterion {
  return {
    rank: ({ protocols }) => {
      for (let place = 0; place < protocols.length; place++) {
        if (wanted.includes(protocols[place]!)) return 2 + protocols.length - place;
      }
      return 0;
    },
    explain: ({ protocols }) => {
      const seen = protocols.length === 0 ? 'absent' : `got ${protocols.map(quote).join(', ')}`;
      return `application protocol is none of ${wanted.map(quote).join(', ')} (${seen})`;
    },
  };
}

function sourceIs(type: SourceType): Criterion {
  const wantsLocal = type === SourceType.SAME_IP_OR_LOOPBACK;
  return {
    rank: ({ source, address }) => (isLocal(source, address) === wantsLocal ? 2 : 0),
    explain: () => `source is ${wantsLocal ? 'not local' : 'local'}`,
  };
}

/** Longest prefix wins. */
function ranges(list: readonly (Range | undefined)[], what: string, read: (found: Detected) => readonly number[] | undefined): Criterion | undefined {
  if (list.length === 0) return undefined;
  const known = list.filter(range => range !== undefined);
  return {
    rank: found => {
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
