export { applyOrder, stepText } from './plan';
export type { Step } from './plan';
