/**
 * Figure 8 of the Raft paper, step by step: an entry of an old term stands on a majority, and must not
 * count as committed, since a leader without it can still win.
 */
import { hold } from "../checkers/violation.ts";
import { LAN } from "../network/rules.ts";
import { quietPlan } from "../raft/plan.ts";
import { encodeCommand } from "../raft/registers.ts";
import type { Replica } from "../raft/replica.ts";
import type { RaftScenario, Stage } from "./raft.ts";

const LATENCY_MS = 20;
const STEP_MS = 1;
const ELECTION_MS = 30_000;

export const FIGURE_EIGHT: RaftScenario = {
  story: "An old term's entry on a majority is not committed by counting (Raft paper, figure 8).",
  plan: quietPlan(5, {
    clients: 1,
    jobs: 0,
    diskMs: 0.01,
    network: { ...LAN, latencyMs: LATENCY_MS, jitterMs: 0.001 },
    // One entry a message: what came before is there before what confirms it.
    limits: { ...quietPlan(5).limits, messageBytes: 1 },
  }),
  act: async (stage) => {
    const { paths } = stage.world;
    stage.world.clients.end();
    await stage.world.pass(2_000);
    const [first, second, third, fourth, fifth] = [stage.leader, ...stage.others];
    hold(second !== undefined && third !== undefined, "scenario", "there are five peers");
    hold(fourth !== undefined && fifth !== undefined, "scenario", "there are five peers");
    const { index, term } = await appendOnTwo(stage, first, second);
    const rival = await winAndFall(stage, [third, fourth, fifth]);
    const [witness, last] = [third, fourth, fifth].filter((replica) => replica !== rival);
    hold(witness !== undefined && last !== undefined, "scenario", "two of them are left");
    await returnAndSpread(stage, [first, second, witness], last, index, term);
    paths.heal();
    paths.partition([first.id, second.id], [rival.id, witness.id, last.id]);
    rival.start();
    await stage.leaderAmong([rival, witness, last], ELECTION_MS);
    const { leader } = stage;
    leader.raft.propose(encodeCommand({ kind: "write", key: "k0", value: "after" }));
    leader.work();
    await stage.until("the rival's log is committed", () => leader.state.index > index + 1, ELECTION_MS);
  },
};

/** (a) A leader's entry gets to one follower, then both are gone. */
async function appendOnTwo(stage: Stage, leader: Replica, follower: Replica) {
  const { paths, replicas } = stage.world;
  const pair = [leader.id, follower.id];
  paths.partition(
    pair,
    [...replicas.keys()].filter((id) => !pair.includes(id)),
  );
  const proposed = leader.raft.propose(encodeCommand({ kind: "write", key: "k0", value: "old" }));
  hold(proposed.ok, "scenario", "the leader takes an entry");
  const { index, term } = proposed.value;
  leader.work();
  await finely(stage, "one follower has it", () => follower.termAt(index) === term);
  leader.stop("power");
  follower.stop("power");
  return proposed.value;
}

/** (b) One of the others wins, writes its first entry for itself alone, and falls. */
async function winAndFall(stage: Stage, others: readonly Replica[]): Promise<Replica> {
  const { paths } = stage.world;
  paths.heal();
  const candidate = () => {
    const found = others.find(({ raft }) => raft.status().role === "candidate");
    const follow = others.filter(({ raft }) => {
      const { role, term } = raft.status();
      return role === "follower" && term === found?.raft.status().term;
    });
    return follow.length === others.length - 1 ? found : undefined;
  };
  await finely(stage, "all heard of a candidate", () => candidate() !== undefined);
  const rival = candidate() as Replica;
  paths.mute(rival.id);
  await finely(stage, "it leads", () => rival.raft.status().role === "leader");
  await stage.world.pass(LATENCY_MS / 2);
  rival.stop("power");
  return rival;
}

/** (c) The first two come back, and the entry gets to a third one; what would confirm it does not. */
async function returnAndSpread(
  stage: Stage,
  three: readonly Replica[],
  last: Replica,
  index: number,
  term: number,
): Promise<void> {
  const { paths } = stage.world;
  paths.heal();
  paths.isolate(last.id);
  for (const replica of three) if (!replica.isUp) replica.start();
  await finely(stage, "a majority has it", () => three.every((replica) => replica.termAt(index) === term));
  // Time for the answer to get there, and for nothing to come back.
  await stage.world.pass(1.5 * LATENCY_MS);
  for (const replica of three.slice(0, 2)) replica.stop("power");
}

async function finely(stage: Stage, what: string, isSo: () => boolean): Promise<void> {
  const endMs = stage.world.timeline.nowMs + ELECTION_MS;
  while (!isSo()) {
    hold(stage.world.timeline.nowMs < endMs, "scenario", `in time: ${what}`);
    await stage.world.pass(STEP_MS);
  }
}
