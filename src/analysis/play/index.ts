/** Requests in the course of time: the walk of `explain`, with a clock and with applications that behave as declared. */
export { MeshPlay } from './play';
export type { PlayedCopy, PlayedRequest, PlayedTarget, PlayedTry } from './played';
export { withReplicas } from './replicas';
export { seededDraw } from './seeded-draw';
