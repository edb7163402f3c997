/**
 * Stories that every Raft group must survive, and those that other systems did not. Each begins with a
 * group at work, ends healed, and is checked all the way like any other run.
 */
import { hold, Violation } from "../checkers/violation.ts";
import { RaftFaults } from "../raft/faults.ts";
import { quietPlan, type RaftPlan } from "../raft/plan.ts";
import { encodeCommand } from "../raft/registers.ts";
import type { Replica } from "../raft/replica.ts";
import { RaftWorld } from "../raft/world.ts";
import type { RunReport } from "../run-report.ts";

const SETTLE_MS = 5_000;
/** A new leader is found within so long where a majority hears each other. */
const ELECTION_MS = 5_000;
const LOOK_MS = 100;

export interface RaftScenario {
  /** What is known to go wrong here, and where it did. */
  readonly story: string;
  readonly plan: RaftPlan;
  act(stage: Stage): Promise<void>;
}

/** A world, and words to tell its story with. */
export class Stage {
  readonly world: RaftWorld;
  readonly faults: RaftFaults;

  constructor(world: RaftWorld) {
    this.world = world;
    this.faults = new RaftFaults(world);
  }

  get leader(): Replica {
    const { leader } = this.world;
    if (leader === undefined) throw new Violation("liveness", "scenario", "there is no leader");
    return leader;
  }

  get others(): readonly Replica[] {
    const { id } = this.leader;
    return [...this.world.replicas.values()].filter((replica) => replica.id !== id);
  }

  get answered(): number {
    return this.world.clients.answered;
  }

  get term(): number {
    return Math.max(...this.world.up.map(({ raft }) => raft.status().term));
  }

  /** Waits until it is so; a liveness violation when it does not come to be. */
  async until(what: string, isSo: () => boolean, withinMs = ELECTION_MS): Promise<void> {
    const { world } = this;
    const endMs = world.timeline.nowMs + withinMs;
    while (!isSo()) {
      if (world.timeline.nowMs >= endMs) {
        throw new Violation("liveness", "scenario", `not within ${withinMs} ms: ${what}`);
      }
      await world.pass(LOOK_MS);
    }
  }

  /** Clients get answers again. */
  async progress(withinMs = ELECTION_MS): Promise<void> {
    const before = this.answered;
    await this.until("clients are answered", () => this.answered > before + 10, withinMs);
  }

  async leaderAmong(replicas: readonly Replica[], withinMs = ELECTION_MS): Promise<void> {
    await this.until("another leader", () => replicas.some(leads), withinMs);
  }
}

export async function runRaftScenario(scenario: RaftScenario, seed: number): Promise<RunReport> {
  const stage = new Stage(new RaftWorld(seed, scenario.plan));
  await stage.world.pass(SETTLE_MS);
  hold(stage.answered > 0, "scenario", "the group works before anything happens");
  try {
    await scenario.act(stage);
  } catch (error) {
    throw stage.world.withTrace(error);
  }
  stage.faults.end();
  await stage.world.heal();
  return stage.world.report();
}

function leads(replica: Replica): boolean {
  return replica.isUp && replica.raft.status().role === "leader";
}

function ids(replicas: readonly Replica[]): readonly string[] {
  return replicas.map(({ id }) => id);
}

export const RAFT_SCENARIOS: Readonly<Record<string, RaftScenario>> = {
  "split-brain": {
    story: "A leader and one follower are cut off from three: only the three may go on.",
    plan: quietPlan(5),
    act: async (stage) => {
      const old = stage.leader;
      const [partner, ...majority] = stage.others;
      stage.world.paths.partition([old.id, partner?.id ?? ""], ids(majority));
      await stage.leaderAmong(majority);
      await stage.progress();
      await stage.until("the old leader steps down", () => !leads(old));
    },
  },
  "minority-leader": {
    story:
      "A leader alone must stop to answer reads, too (hashicorp/raft#300; etcd and Consul in Jepsen, 2014).",
    plan: quietPlan(3, { clients: 8, patienceMs: 1_000 }),
    act: async (stage) => {
      const [old, majority] = [stage.leader, stage.others];
      const cut = stage.world.paths.isolate(old.id);
      await stage.leaderAmong(majority);
      await stage.progress();
      await stage.until("the old leader steps down", () => !leads(old));
      cut();
      await stage.progress();
    },
  },
  "one-way-partition": {
    story:
      "One follower no longer hears the leader, which hears it: no endless elections (Cloudflare, 2020).",
    plan: quietPlan(3),
    act: async (stage) => {
      const [leader, [deaf]] = [stage.leader, stage.others];
      const { term } = stage;
      stage.world.paths.block(leader.id, deaf?.id ?? "");
      for (let round = 0; round < 6; round += 1) {
        await stage.world.pass(10_000);
        await stage.progress();
      }
      hold(stage.term <= term + 1, "scenario", `terms went from ${term} to ${stage.term}`);
    },
  },
  "mute-leader": {
    story: "The leader hears all and nobody hears it: another one takes over, and it must notice.",
    plan: quietPlan(5),
    act: async (stage) => {
      const [old, others] = [stage.leader, stage.others];
      stage.world.paths.mute(old.id);
      await stage.leaderAmong(others);
      await stage.progress();
      await stage.until("the old leader steps down", () => !leads(old));
    },
  },
  "deaf-leader": {
    story: "All hear the leader's heartbeats and it hears nobody: it must step down and let them choose.",
    plan: quietPlan(5),
    act: async (stage) => {
      const [old, others] = [stage.leader, stage.others];
      stage.world.paths.deafen(old.id);
      await stage.leaderAmong(others, 2 * ELECTION_MS);
      await stage.progress();
    },
  },
  "removed-member-returns": {
    story: "A member that was cut off and removed comes back with a higher term in mind and disturbs nobody.",
    plan: quietPlan(5),
    act: async (stage) => {
      const [gone, ...rest] = stage.others;
      const cut = stage.world.paths.isolate(gone?.id ?? "");
      const voters = [stage.leader.id, ...ids(rest)];
      stage.leader.raft.change({ voters, learners: [] });
      stage.leader.work();
      await stage.until(
        "it is removed",
        () => stage.leader.raft.status().configuration.outgoing.length === 0,
      );
      await stage.world.pass(20_000);
      const { term } = stage;
      cut();
      await stage.world.pass(20_000);
      await stage.progress();
      hold(stage.term === term, "scenario", `terms went from ${term} to ${stage.term}`);
    },
  },
  "slow-disk-on-leader": {
    story: "The leader's disk hangs while its heartbeats go on: others must take over.",
    plan: quietPlan(3),
    act: async (stage) => {
      const [old, others] = [stage.leader, stage.others];
      old.diskMs = Number.POSITIVE_INFINITY;
      await stage.leaderAmong(others, 2 * ELECTION_MS);
      await stage.progress();
    },
  },
  "majority-lost-and-back": {
    story: "Three of five lose their power for a minute: nothing is decided meanwhile, nothing is lost.",
    plan: quietPlan(5),
    act: async (stage) => {
      const lost = [stage.leader, ...stage.others.slice(0, 2)];
      for (const replica of lost) replica.stop("power");
      await stage.world.pass(SETTLE_MS);
      const { answered } = stage;
      await stage.world.pass(60_000);
      hold(stage.answered === answered, "scenario", "nothing is answered without a majority");
      for (const replica of lost) replica.start();
      await stage.progress();
    },
  },
  "all-power-cycled": {
    story: "The whole site loses its power again and again, and finds a leader each time (swarmkit#963).",
    plan: quietPlan(5, { limits: { ...quietPlan(5).limits, retainedEntries: 16 } }),
    act: async (stage) => {
      for (let round = 0; round < 8; round += 1) {
        for (const replica of stage.world.replicas.values()) {
          replica.compact();
          replica.stop("power");
        }
        await stage.world.pass(1_000);
        for (const replica of stage.world.replicas.values()) replica.start();
        await stage.progress(2 * ELECTION_MS);
      }
    },
  },
  "region-of-one": {
    story: "One voter must be durable before it answers, too (etcd#14370).",
    plan: quietPlan(1, { diskMs: 20 }),
    act: async (stage) => {
      for (let round = 0; round < 20; round += 1) {
        await stage.progress();
        stage.leader.stop("power");
        await stage.world.pass(100);
        for (const replica of stage.world.replicas.values()) replica.start();
      }
    },
  },
  "region-of-two": {
    story:
      "One votes, one learns. Without the voter nothing is decided, and the learner never decides alone.",
    plan: quietPlan(1, { peers: 2 }),
    act: async (stage) => {
      const voter = stage.leader;
      const [learner] = stage.others;
      voter.raft.change({ voters: [voter.id], learners: [learner?.id ?? ""] });
      voter.work();
      await stage.until("the learner follows", () => (learner?.state.index ?? 0) > 10);
      voter.stop("power");
      await stage.world.pass(30_000);
      hold(learner !== undefined && !leads(learner), "scenario", "a learner does not lead");
      voter.start();
      await stage.progress();
    },
  },
  "learner-by-snapshot": {
    story: "A learner that starts from a snapshot stays one (dragonboat#94).",
    plan: quietPlan(3, { peers: 4, limits: { ...quietPlan(3).limits, retainedEntries: 8 } }),
    act: async (stage) => {
      const learner = stage.others.at(-1);
      hold(learner !== undefined, "scenario", "there is a fourth peer");
      for (const replica of stage.world.up) replica.compact();
      const voters = ["n1", "n2", "n3"];
      stage.leader.raft.change({ voters, learners: [learner.id] });
      stage.leader.work();
      await stage.until("the learner follows", () => learner.state.index > 10);
      learner.compact();
      learner.stop("power");
      learner.start();
      for (const id of voters) stage.world.replicas.get(id)?.stop("power");
      await stage.world.pass(30_000);
      const { role, configuration } = learner.raft.status();
      hold(
        role === "follower" && !configuration.voters.includes(learner.id),
        "scenario",
        "it stays a learner",
      );
      for (const id of voters) stage.world.replicas.get(id)?.start();
      await stage.progress();
    },
  },
  "leader-steps-down": {
    story: "What a leader committed in its last moments stays, though it steps down (CCF#5674).",
    plan: quietPlan(5, { clients: 8, thinkMs: 25 }),
    act: async (stage) => {
      for (let round = 0; round < 20; round += 1) {
        const [next] = stage.others;
        if (round % 2 === 0) stage.leader.raft.transfer(next?.id ?? "");
        else stage.faults.happen("isolate leader");
        stage.leader.work();
        await stage.world.pass(500);
        stage.faults.end();
        await stage.progress();
      }
    },
  },
  "vote-and-crash": {
    story: "Who voted and lost its power remembers for whom (camunda#1068).",
    plan: quietPlan(3, { diskMs: 5 }),
    act: async (stage) => {
      for (let round = 0; round < 30; round += 1) {
        const voters = [...stage.world.up];
        stage.world.leader?.stop("process");
        await stage.world.pass(stage.world.chance.between(500, 2_500));
        for (const replica of voters) {
          replica.stop("power");
          replica.start();
        }
        await stage.world.pass(stage.world.chance.between(0, 500));
      }
      await stage.progress(2 * ELECTION_MS);
    },
  },
  "lying-fsync": {
    story: "A follower's disk said durable and was not: then it crashes, loudly, until removed.",
    plan: quietPlan(3),
    act: async (stage) => {
      const [liar] = stage.others;
      hold(liar !== undefined, "scenario", "there is a follower");
      liar.startLying();
      stage.world.mayCrash.add(liar.id);
      await stage.progress();
      await stage.world.pass(1_000);
      liar.stop("power");
      await stage.progress();
      liar.start();
      await stage.until("it crashes", () => !liar.isUp);
      await stage.progress();
      stage.leader.raft.change({
        voters: [stage.leader.id, ...ids(stage.others)].filter((id) => id !== liar.id),
        learners: [],
      });
      stage.leader.work();
      await stage.until("it is removed", () => stage.leader.raft.status().configuration.voters.length === 2);
    },
  },
  "thundering-herd": {
    story: "A hundred clients at once: what is too much is refused, and the leader stays (nomad#4323).",
    plan: quietPlan(3, {
      clients: 100,
      keys: 20,
      thinkMs: 500,
      limits: { ...quietPlan(3).limits, uncommittedBytes: 2_000 },
    }),
    act: async (stage) => {
      const { term } = stage;
      for (let round = 0; round < 50; round += 1) {
        for (let n = 0; n < 1_000; n += 1) {
          stage.leader.raft.propose(encodeCommand({ kind: "write", key: "herd", value: String(n) }));
        }
        stage.leader.work();
        await stage.world.pass(50);
      }
      await stage.progress();
      hold(stage.term === term, "scenario", "the leader stays");
    },
  },
  "suspend-and-wake": {
    story: "A leader sleeps and wakes: its old reads and writes count for nothing.",
    plan: quietPlan(3),
    act: async (stage) => {
      for (let round = 0; round < 3; round += 1) {
        const [old, others] = [stage.leader, stage.others];
        old.clock.sleep();
        const cut = stage.world.paths.isolate(old.id);
        await stage.leaderAmong(others);
        await stage.world.pass(15_000);
        cut();
        old.clock.wake();
        await stage.progress();
      }
    },
  },
  "paused-process": {
    story:
      "A leader's process stands still, with what was sent to it waiting (a long collection of garbage).",
    plan: quietPlan(3),
    act: async (stage) => {
      for (let round = 0; round < 6; round += 1) {
        const [old, others] = [stage.leader, stage.others];
        old.process?.pause();
        await stage.leaderAmong(others);
        await stage.world.pass(stage.world.chance.between(100, 10_000));
        old.process?.resume();
        await stage.progress();
      }
    },
  },
  "flapping-link": {
    story: "A follower's link comes and goes each second: the others do not suffer.",
    plan: quietPlan(3),
    act: async (stage) => {
      const [flapping] = stage.others;
      const { term } = stage;
      for (let round = 0; round < 60; round += 1) {
        const cut = stage.world.paths.isolate(flapping?.id ?? "");
        await stage.world.pass(700);
        cut();
        await stage.world.pass(300);
      }
      await stage.progress();
      hold(stage.term <= term + 1, "scenario", `terms went from ${term} to ${stage.term}`);
    },
  },
  "timed-out-write": {
    story:
      "A write whose client gave up comes late, or never, not after what was written since (tidb#47060).",
    plan: quietPlan(3, { clients: 8, patienceMs: 100, thinkMs: 20, keys: 1 }),
    act: async (stage) => {
      for (let round = 0; round < 30; round += 1) {
        const { chance, paths, timeline } = stage.world;
        const [from, to] = [stage.leader.id, chance.pick(stage.others).id];
        paths.clog(from, to, timeline.nowMs + 400);
        paths.clog(to, from, timeline.nowMs + 400);
        await stage.world.pass(500);
      }
    },
  },
};
