import { closest } from '../../model/suggest';

/** The known host that was most likely meant. Names are compared by their first part: the rest is alike for every service of a cluster. */
export function nearestHost(host: string, known: Iterable<string>): string | undefined {
  const [wanted] = host.split('.');
  const hosts = [...known].sort();
  const elsewhere = hosts.find(candidate => candidate.split('.')[0] === wanted);
  if (elsewhere !== undefined) return elsewhere;
  const name = closest(wanted, hosts.map(candidate => candidate.split('.')[0]));
  return name === undefined ? undefined : hosts.find(candidate => candidate.split('.')[0] === name);
}
