import { inContext } from './patch';
import type { Patch, PatchContext } from './patch';
import type { FilterChain } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';

/** What a listener is, as far as patches ask. */
export interface ListenerSite {
  readonly context: PatchContext;
  readonly listener: Listener;
  /** Port that the listener stands for: under explicit capture it may be bound elsewhere. */
  readonly port: number;
  /** All names under which patches may speak of it. */
  readonly names: readonly string[];
}

/** Listeners of every port: a port number means one of their chains. */
const VIRTUAL: ReadonlySet<string> = new Set(['virtualInbound', 'virtualOutbound']);

/** Whether a patch is about a listener, or may be about something in it. */
export function listenerMatches(patch: Patch, site: ListenerSite): boolean {
  if (!inContext(patch, site.context)) return false;
  const wanted = patch.match.listener;
  if (wanted === undefined) return true;
  if (given(wanted.name) && !site.names.includes(wanted.name ?? '')) return false;
  if (patch.applyTo !== 'LISTENER' && VIRTUAL.has(site.listener.name)) return true;
  return wanted.portNumber === undefined || wanted.portNumber === 0 || wanted.portNumber === site.port;
}

/** Whether a patch about the listener is about one of its chains, or may be about something in it. */
export function chainMatches(patch: Patch, site: ListenerSite, chain: FilterChain): boolean {
  const wanted = patch.match.listener;
  if (wanted === undefined) return true;
  const own = chain.filterChainMatch;
  const port = wanted.portNumber ?? 0;
  if (VIRTUAL.has(site.listener.name) && port > 0 && own?.destinationPort !== port) return false;
  const match = wanted.filterChain;
  if (match === undefined) return true;
  if (given(match.name) && match.name !== chain.name) return false;
  if (given(match.sni) && own?.serverNames.includes(match.sni ?? '') !== true) return false;
  if (given(match.transportProtocol) && own?.transportProtocol !== match.transportProtocol) return false;
  if (given(match.applicationProtocols) && !match.applicationProtocols?.split(',').every(name => own?.applicationProtocols.includes(name))) return false;
  return match.destinationPort === undefined || match.destinationPort === 0 || own?.destinationPort === match.destinationPort;
}

export const listenerFilterAnchor = ({ match }: Patch): string | undefined => match.listener?.listenerFilter || undefined;

/** Name of the network filter a patch is about; undefined where it says none. */
export const filterAnchor = ({ match }: Patch): string | undefined => match.listener?.filterChain?.filter && (match.listener.filterChain.filter.name ?? '');

/** The same for an HTTP filter. */
export const subFilterAnchor = ({ match }: Patch): string | undefined => (
  match.listener?.filterChain?.filter?.subFilter && (match.listener.filterChain.filter.subFilter.name ?? ''));

const given = (text: string | undefined): boolean => text !== undefined && text !== '';
