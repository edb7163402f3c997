/** What the agent gives to each of its runners. */
import type { Host, NodeFacts } from "../../federation/index.ts";
import type { Parts } from "../parts.ts";
import type { AgentLeases } from "./lease.ts";
import type { AllocationRunner } from "./runner.ts";
import type { AgentStore } from "./store.ts";

export interface RunnerWorld {
  readonly host: Host;
  readonly parts: Parts;
  readonly store: AgentStore;
  readonly bootId: string;
  readonly regionName: string;
  readonly leases: AgentLeases;
  node(): NodeFacts;
  /** Something that the ledger should hear of changed. */
  changed(runner: AllocationRunner): void;
  /** Something that was under way is done. */
  settled(runner: AllocationRunner): void;
}
