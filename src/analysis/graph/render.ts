import type { Edge, Graph, Node } from './graph';

const LOCK = '🔒';

/** For Markdown pages of code hosts, and mermaid.live. */
export function mermaid({ nodes, edges }: Graph): string {
  const ids = idsOf(nodes);
  const shape = { gateway: ['{{', '}}'], service: ['(', ')'], external: ['>', ']'], workload: ['[', ']'] } as const;
  const lines = nodes.map(node => `  ${ids.get(node.id)}${shape[node.kind][0]}"${escaped(labelOf(node))}"${shape[node.kind][1]}`);
  const ways = edges.map((edge) => {
    const label = textOf(edge);
    return `  ${ids.get(edge.from)} ${edge.kind === 'copy' ? '-.->' : '-->'}${label === '' ? '' : `|"${escaped(label)}"|`} ${ids.get(edge.to)}`;
  });
  return ['flowchart LR', ...lines, ...ways, ''].join('\n');
}

/** For Graphviz. */
export function dot({ nodes, edges }: Graph): string {
  const ids = idsOf(nodes);
  const shape = { gateway: 'hexagon', service: 'ellipse', external: 'cds', workload: 'box' };
  const lines = nodes.map(node => `  ${ids.get(node.id)} [label=${JSON.stringify(labelOf(node))}, shape=${shape[node.kind]}];`);
  const ways = edges.map((edge) => {
    const style = [...textOf(edge) === '' ? [] : [`label=${JSON.stringify(textOf(edge))}`], ...edge.kind === 'copy' ? ['style=dashed'] : []];
    return `  ${ids.get(edge.from)} -> ${ids.get(edge.to)}${style.length === 0 ? '' : ` [${style.join(', ')}]`};`;
  });
  return ['digraph mesh {', '  rankdir=LR;', ...lines, ...ways, '}', ''].join('\n');
}

const idsOf = (nodes: readonly Node[]): Map<string, string> => new Map(nodes.map(({ id }, index) => [id, `n${index}`]));

const labelOf = ({ name, locked }: Node): string => `${name}${locked ? ` ${LOCK}` : ''}`;

/** `end-user = jason: 90 %, delay 7s 100%`; nothing where every request goes one way. */
function textOf({ percent, when, fault, kind }: Edge): string {
  const share = kind === 'copy' ? `copy ${round(percent)} %` : percent === 100 ? '' : `${round(percent)} %`;
  const what = [share, fault].filter(part => part !== '').join(', ');
  return [when, what].filter(part => part !== '').join(': ');
}

const round = (percent: number): number => Number(percent.toFixed(2));

const escaped = (text: string): string => text.replace(/"/g, '#quot;');
