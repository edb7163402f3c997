/** What the lab and the tests may see of a peer. */
export { buildApi } from "./api/index.ts";
export { findCommand, parseInvocation, unknownCommand } from "./cli/arguments.ts";
export { CommandError, type CommandSpec } from "./cli/command.ts";
export { formatBytes, formatDuration } from "./cli/format.ts";
export { fields, table, visibleLength } from "./cli/table.ts";
export type { PeerConfig } from "./config.ts";
export { createCrypto } from "./host/crypto.ts";
export { formatJobFile, type ParsedJob, parseJobFile, parseJobValue } from "./jobfile/index.ts";
export type { AllocationDirectories, LogFiles, Parts, ProbeResult, Probes } from "./parts.ts";
export { createPeer, type Peer } from "./peer.ts";
export { RELEASE } from "./release.ts";
export type { PeerService } from "./service.ts";
