/** Exact percentages of the clusters of one rule, as a proxy's `/config_dump` has them; undefined where it has no such rule. */
export function percentsIn(dump: unknown, virtualHost: string, rule: string): Readonly<Record<string, number>> | undefined {
  const hosts = objectsIn(dump).filter(each => each.name === virtualHost && Array.isArray(each.routes));
  const action = hosts.flatMap(host => host.routes as Found[]).find(({ name }) => name === rule)?.route as Found | undefined;
  if (action === undefined) return undefined;
  const weighted = (action.weighted_clusters ?? action.weightedClusters) as { clusters: { name: string; weight?: number }[] } | undefined;
  if (weighted === undefined) return { [String(action.cluster)]: 100 };
  const total = weighted.clusters.reduce((sum, { weight = 0 }) => sum + weight, 0);
  return Object.fromEntries(weighted.clusters.filter(({ weight = 0 }) => weight > 0).map(({ name, weight = 0 }) => [name, weight * 100 / total]));
}

type Found = Readonly<Record<string, unknown>>;

function objectsIn(value: unknown): Found[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  if (typeof value !== 'object' || value === null) return [];
  return [value as Found, ...Object.values(value).flatMap(objectsIn)];
}

/** Where a count lies so far from its share that chance does not explain it: five standard deviations, one in 1.7 million. */
export function beyondChance(counts: ReadonlyMap<string, number>, shares: Readonly<Record<string, number>>): string[] {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const foreign = [...counts.keys()].filter(answer => shares[answer] === undefined).map(answer => `${answer}: ${counts.get(answer)} of ${total}, never expected`);
  const off = Object.entries(shares).flatMap(([answer, percent]) => {
    const share = percent / 100;
    const count = counts.get(answer) ?? 0;
    const sigma = Math.sqrt(total * share * (1 - share));
    return Math.abs(count - total * share) <= 5 * sigma ? [] : [`${answer}: ${count} of ${total}, expected ${percent} % (${((count - total * share) / sigma).toFixed(1)} sigma)`];
  });
  return [...foreign, ...off];
}
