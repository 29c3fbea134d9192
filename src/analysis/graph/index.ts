export type { Edge, Graph, Node } from './graph';
export { graphOf } from './graph';
export { dot, mermaid } from './render';
