import { xxHash64 } from './xxhash';
import { Cluster_LbPolicy as Policy, Cluster_RingHashLbConfig_HashFunction as HashFunction, type Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterTable, Host } from '../clusters';

/** A host with its part of what its priority takes. */
interface Weighted {
  readonly host: Host;
  /** Together 1. */
  readonly weight: number;
}

interface Level {
  /** Whole percents of the requests. */
  readonly load: number;
  readonly choose: (hash: bigint) => Host;
}

const MIN_RING = 1024;
const MAX_RING = 8 * 1024 * 1024;
const MAGLEV_TABLE = 65537;

const levels = new WeakMap<ClusterTable, readonly Level[]>();

/** Whether a cluster chooses hosts by a request's hash. */
export function choosesByHash({ message }: ClusterTable): boolean {
  return message.lbPolicy === Policy.RING_HASH || message.lbPolicy === Policy.MAGLEV;
}

/** The host that Envoy's ring or Maglev table gives for a hash; undefined where no host takes traffic. */
export function chooseByHash(cluster: ClusterTable, hash: bigint): Host | undefined {
  let own = levels.get(cluster);
  if (own === undefined) levels.set(cluster, own = prepareLevels(cluster));
  let left = Number(hash % 100n) + 1;
  for (const { load, choose } of own) {
    if (left <= load) return choose(hash);
    left -= load;
  }
  return own.at(-1)?.choose(hash);
}

function prepareLevels({ shares, message }: ClusterTable): Level[] {
  const priorities = [...new Set(shares.map(({ host }) => host.priority))].sort((a, b) => a - b);
  return priorities.map(priority => {
    const own = shares.filter(({ host }) => host.priority === priority);
    const load = own.reduce((sum, { percent }) => sum + percent, 0);
    // Divided once, as Envoy does: a rounding error would move a place on the ring.
    const sum = own.reduce((total, { host }) => total + host.weight, 0);
    const byLocality = message.commonLbConfig?.localityConfigSpecifier.case === 'localityWeightedLbConfig';
    const weighted = own.map(({ host, percent }) => ({ host, weight: byLocality ? percent / load : host.weight / sum }));
    return { load: Math.round(load), choose: message.lbPolicy === Policy.MAGLEV ? maglev(message, weighted) : ring(message, weighted) };
  });
}

function keyOf({ address, port }: Host): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Ketama: each host stands on a ring in proportion to its weight, and the next one clockwise takes the request. */
function ring({ lbConfig, name }: Cluster, hosts: readonly Weighted[]): Level['choose'] {
  const config = lbConfig.case === 'ringHashLbConfig' ? lbConfig.value : undefined;
  if (config?.hashFunction === HashFunction.MURMUR_HASH_2) throw new Error(`cluster ${name}: hash function MURMUR_HASH_2 is not supported`);
  const least = Math.min(...hosts.map(({ weight }) => weight));
  // The lightest host gets a whole number of places.
  const scale = Math.min(Math.ceil(least * Number(config?.minimumRingSize ?? MIN_RING)) / least, Number(config?.maximumRingSize ?? MAX_RING));
  const places: { readonly hash: bigint; readonly host: Host }[] = [];
  let end = 0;
  for (const { host, weight } of hosts) {
    end += scale * weight;
    for (let i = 0; places.length < end; i++) places.push({ hash: xxHash64(`${keyOf(host)}_${i}`), host });
  }
  places.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  return hash => {
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (places[middle]!.hash < hash) low = middle + 1;
      else high = middle;
    }
    return places[low === places.length ? 0 : low]!.host;
  };
}

/** Maglev: hosts take turns to fill a table, each in an order of its own. */
function maglev({ lbConfig }: Cluster, hosts: readonly Weighted[]): Level['choose'] {
  const size = Number((lbConfig.case === 'maglevLbConfig' ? lbConfig.value.tableSize : undefined) ?? MAGLEV_TABLE);
  const most = Math.max(...hosts.map(({ weight }) => weight));
  const entries = hosts.map(({ host, weight }) => ({ host, weight, key: keyOf(host) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ host, weight, key }) => ({
      host, weight, turn: 0, next: 0, offset: Number(xxHash64(key) % BigInt(size)), skip: Number(xxHash64(key, 1n) % BigInt(size - 1)) + 1,
    }));
  const table = new Array<Host | undefined>(size).fill(undefined);
  let filled = 0;
  for (let iteration = 1; filled < size; iteration++) {
    for (const entry of entries) {
      if (filled === size) break;
      if (iteration * entry.weight < entry.turn) continue;
      entry.turn += most;
      let place = (entry.offset + entry.skip * entry.next) % size;
      while (table[place] !== undefined) place = (entry.offset + entry.skip * ++entry.next) % size;
      table[place] = entry.host;
      entry.next++;
      filled++;
    }
  }
  return hash => table[Number(hash % BigInt(size))]!;
}
