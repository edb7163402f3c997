/** What other folders may see of leases. */

export { type Fence, fenceText } from "./fence.ts";
export { type ExclusiveRow, type GrantedLease, LeaseGrantor } from "./grantor.ts";
export { type Lease, type LeaseAcknowledgement, LeaseHolder } from "./holder.ts";
export { exclusiveRow, exclusiveRows, slowestKillMs } from "./rows.ts";
export { LEASE_HEARTBEAT_MS, LEASE_MARGIN_MS } from "./terms.ts";
