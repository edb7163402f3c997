/** What the node's side of an allocation offers. */
export * from "./allocation.ts";
export * from "./environment.ts";
export * from "./health.ts";
export * from "./report.ts";
export * from "./restart.ts";
export * from "./rollout.ts";
export * from "./steps.ts";
