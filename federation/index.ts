/** What other folders may see of the core. */
export * from "./agent-protocol/index.ts";
export * from "./canonical.ts";
export * from "./crc32c.ts";
export * from "./disk-path.ts";
export * from "./errors.ts";
export { constraintProblem, constraintText } from "./fit/constraint/operator.ts";
export { globPattern } from "./fit/constraint/placement.ts";
export {
  CAPABILITIES,
  type Capability,
  type ChainClaim,
  chainShape,
  FOUNDER_CAPABILITIES,
  signLink,
  signRootLink,
  verifyChain,
} from "./intent/capability.ts";
export * from "./intent/counting.ts";
export { fromHex, toHex } from "./intent/digest.ts";
export type * from "./intent/entry.ts";
export * from "./intent/entry-form.ts";
export * from "./intent/job-intent.ts";
export * from "./intent/region.ts";
export { checkSpecForm } from "./intent/spec-form.ts";
export * from "./intent/versions.ts";
export * from "./invariant.ts";
export * from "./lease/index.ts";
export * from "./ledger/codec.ts";
export type * from "./ledger/command.ts";
export * from "./ledger/cursor.ts";
export { collectable, GARBAGE_LIMITS, type GarbageLimits } from "./ledger/garbage.ts";
export * from "./ledger/ledger.ts";
export * from "./ledger/status.ts";
export type * from "./ledger/view.ts";
export type * from "./model/allocation.ts";
export type * from "./model/evaluation.ts";
export * from "./model/ids.ts";
export * from "./model/job.ts";
export * from "./model/lifecycle.ts";
export type * from "./model/node.ts";
export * from "./model/task-order.ts";
export * from "./model/variant.ts";
export * from "./nearest.ts";
export type * from "./ports.ts";
export * from "./raft/index.ts";
export { seededRandom } from "./random.ts";
export * from "./reconcile/index.ts";
export * from "./scheduler/index.ts";
export * from "./swim/index.ts";
