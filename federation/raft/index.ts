/** What of Raft is for the shells. */
export * from "./configuration.ts";
export { Raft } from "./core.ts";
export { describeReady } from "./describe.ts";
export { RAFT_LIMITS, type RaftLimits } from "./limits.ts";
export type * from "./message.ts";
export type * from "./ready.ts";
export * from "./voters.ts";
