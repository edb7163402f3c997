/** What other folders may see of the scheduler. */

export * from "./evaluate.ts";
export * from "./explain.ts";
export { place } from "./place.ts";
export type * from "./plan.ts";
export * from "./preview.ts";
export { type RolloutState, rolloutOf } from "./rollout/state.ts";
export * from "./shared/index.ts";
export { World } from "./world.ts";
