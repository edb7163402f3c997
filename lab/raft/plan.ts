/**
 * What a seed makes of a run: sizes, speeds, and which faults there are at all. Leaving most of them out in
 * most runs finds more than all at once (Groce et al., "Swarm Testing", 2012).
 */
import { RAFT_LIMITS, type RaftLimits } from "../../federation/index.ts";
import type { Chance } from "../chance.ts";
import { drawNetworkRules, LAN, type NetworkRules } from "../network/rules.ts";

export const RAFT_FAULTS = [
  "crash", // a process or its machine, and it comes back
  "crash of all",
  "pause", // a process stands still
  "suspend", // a machine sleeps
  "partition",
  "isolate leader",
  "one way", // a peer is mute or deaf, or one direction is gone
  "clog",
  "slow disk",
  "stuck disk",
  "drift",
  "link closed", // told, whether there is a reason or not
  "members", // voters and learners change
  "transfer",
  "compaction", // snapshots, and a log that does not reach back
  "burst", // many proposals at once
] as const;

export type RaftFault = (typeof RAFT_FAULTS)[number];

export interface RaftPlan {
  /** Peers, and how many of them vote at first. */
  readonly peers: number;
  readonly voters: number;
  readonly clients: number;
  readonly keys: number;
  /** That the group's ledger is asked to run; 0: it is used for registers alone. */
  readonly jobs: number;
  readonly tickMs: number;
  readonly network: NetworkRules;
  /** Mean time of a sync. */
  readonly diskMs: number;
  /** Mean pause of a client between two operations, and how long it waits for an answer. */
  readonly thinkMs: number;
  readonly patienceMs: number;
  readonly limits: RaftLimits;
  /** Mean pauses between faults of a kind; those that are missing never happen. */
  readonly faults: Readonly<Partial<Record<RaftFault, number>>>;
}

/** Small ones, so that windows fill, messages are cut and snapshots are needed. */
const SMALL: RaftLimits = {
  ...RAFT_LIMITS,
  uncommittedBytes: 2_000,
  readyBytes: 200,
  messageBytes: 100,
  inflightMessages: 4,
  inflightBytes: 1_000,
  retainedEntries: 16,
  retainedBytes: 2_000,
  pinnedBytes: 8_000,
  reads: 50,
  caughtUpEntries: 8,
};

const FAULT_SHARE = 0.4;

/** A quiet LAN without faults, for scenarios that bring their own. */
export function quietPlan(voters: number, parts: Partial<RaftPlan> = {}): RaftPlan {
  return {
    peers: voters,
    voters,
    clients: 4,
    keys: 2,
    jobs: 2,
    tickMs: 100,
    network: LAN,
    diskMs: 0.5,
    thinkMs: 50,
    patienceMs: 3_000,
    limits: RAFT_LIMITS,
    faults: {},
    ...parts,
  };
}

export function drawRaftPlan(chance: Chance): RaftPlan {
  const voters = Number(chance.weighted({ "1": 1, "2": 1, "3": 6, "4": 1, "5": 4 }));
  const peers = voters + chance.below(3);
  const tickMs = chance.pick([50, 100, 100, 200]);
  const faults = RAFT_FAULTS.filter(() => chance.in(FAULT_SHARE)).map((fault) => {
    return [fault, chance.spread(1_000, 30_000)];
  });
  return {
    peers,
    voters,
    clients: 1 + chance.below(5),
    keys: 1 + chance.below(3),
    jobs: chance.in(0.5) ? 0 : 1 + chance.below(4),
    tickMs,
    network: drawNetworkRules(chance.random.fork("network")),
    diskMs: chance.spread(0.1, 20),
    thinkMs: chance.spread(20, 1_000),
    patienceMs: chance.spread(10, 60) * tickMs,
    limits: chance.in(0.5) ? SMALL : RAFT_LIMITS,
    faults: Object.fromEntries(faults),
  };
}
