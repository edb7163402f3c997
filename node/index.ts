/** What the lab and the tests may see of a peer. */
export { buildApi } from "./api/index.ts";
export { Authority } from "./authority/authority.ts";
export { Planner, type PlannerOptions } from "./authority/planning/planner.ts";
export { Calls } from "./calls/calls.ts";
export type { PeerConfig } from "./config.ts";
export { createClock } from "./host/clock.ts";
export { createCrypto } from "./host/crypto.ts";
export { createDisk } from "./host/disk.ts";
export { noKeepers, noLinks } from "./host/links.ts";
export { placingThreads } from "./host/placing/threads.ts";
export { formatJobFile, type ParsedJob, parseJobFile, parseJobValue } from "./jobfile/index.ts";
export type { AllocationDirectories, LogFiles, Parts, ProbeResult, Probes } from "./parts.ts";
export { createPeer, type Peer } from "./peer.ts";
export { RaftGroup } from "./raft/group.ts";
export { RELEASE } from "./release.ts";
export type { PeerService } from "./service/service.ts";
