/** What befalls a Raft world: each kind by itself, at times that are drawn, until it is healed. */
import { type Cancel, isVoter, membersOf } from "../../federation/index.ts";
import { RAFT_FAULTS, type RaftFault } from "./plan.ts";
import { encodeCommand } from "./registers.ts";
import type { Replica } from "./replica.ts";
import type { RaftWorld } from "./world.ts";

const DOWN_MS = [1, 20_000] as const;
const CUT_MS = [50, 30_000] as const;
const BURST = 60;
const DRIFT = 0.1;

export class RaftFaults {
  readonly #world: RaftWorld;
  /** Undoes what lasts. */
  readonly #undo = new Set<Cancel>();
  #isOver = false;

  constructor(world: RaftWorld) {
    this.#world = world;
    for (const fault of RAFT_FAULTS) {
      const meanMs = world.plan.faults[fault];
      if (meanMs !== undefined) this.#comeLater(fault, meanMs);
    }
  }

  /** All that lasts is undone; nothing more happens. */
  end(): void {
    this.#isOver = true;
    for (const undo of this.#undo) undo();
    this.#undo.clear();
  }

  /** Makes one happen now. */
  happen(fault: RaftFault): void {
    this.#world.count(fault);
    this.#world.note(`fault: ${fault}`);
    this.#kinds[fault]();
  }

  #comeLater(fault: RaftFault, meanMs: number): void {
    this.#world.timeline.after(this.#world.chance.pause(meanMs), () => {
      if (this.#isOver) return;
      this.happen(fault);
      this.#comeLater(fault, meanMs);
    });
  }

  readonly #kinds: Readonly<Record<RaftFault, () => void>> = {
    crash: () => this.#withAny((replica) => this.crash(replica)),
    "crash of all": () => {
      for (const replica of this.#world.up) this.crash(replica, "power");
    },
    pause: () => this.#withAny((replica) => this.#pause(replica)),
    suspend: () => this.#withAny((replica) => this.#suspend(replica)),
    partition: () => this.#partition(),
    "isolate leader": () => {
      const { leader } = this.#world;
      if (leader !== undefined) this.#lasting(this.#world.paths.isolate(leader.id));
    },
    "one way": () => this.#withAny((replica) => this.#oneWay(replica)),
    clog: () => {
      const { chance, timeline } = this.#world;
      const [from, to] = [this.#any(), this.#any()];
      this.#world.paths.clog(from.id, to.id, timeline.nowMs + chance.spread(10, 5_000));
    },
    "slow disk": () =>
      this.#withAny((replica) => this.#slowDisk(replica, this.#world.chance.spread(10, 2_000))),
    "stuck disk": () => this.#withAny((replica) => this.#slowDisk(replica, Number.POSITIVE_INFINITY)),
    drift: () => this.#any().clock.drift(this.#world.chance.between(1 - DRIFT, 1 + DRIFT)),
    "link closed": () => this.#withAny((replica) => this.#tellClosed(replica, this.#any().id)),
    members: () => this.#changeMembers(),
    transfer: () => {
      const { leader } = this.#world;
      if (leader?.isAwake !== true) return;
      leader.raft.transfer(this.#any().id);
      leader.work();
    },
    compaction: () => this.#withAny((replica) => replica.compact()),
    burst: () => this.#burst(),
  };

  crash(replica: Replica, how: "process" | "power" = this.#world.chance.in(0.5) ? "power" : "process"): void {
    const { chance, timeline, up, wire } = this.#world;
    replica.stop(how);
    this.#world.note(`${replica.id} goes down (${how})`);
    timeline.after(chance.spread(...DOWN_MS), () => {
      if (!replica.isUp) replica.start();
    });
    if (how === "power") return;
    for (const other of up.filter((each) => each !== replica)) {
      timeline.after(wire.latencyMs(), () => this.#tellClosed(other, replica.id));
    }
  }

  #tellClosed(replica: Replica, peer: string): void {
    replica.process?.deliver(() => {
      if (!replica.isUp || replica.id === peer || !this.#world.paths.isOpen(peer, replica.id)) return;
      replica.raft.linkClosed(peer);
      replica.work();
    });
  }

  #pause(replica: Replica): void {
    const { process } = replica;
    process?.pause();
    this.#lasting(() => process?.resume());
  }

  #suspend(replica: Replica): void {
    if (replica.clock.isSuspended) return;
    replica.clock.sleep();
    const cut = this.#world.paths.isolate(replica.id);
    this.#lasting(() => {
      if (replica.clock.isSuspended) replica.clock.wake();
      cut();
    });
  }

  #partition(): void {
    const { chance, paths, replicas } = this.#world;
    const names = [...replicas.keys()];
    const side = chance.some(names, chance.between(0.2, 0.8));
    this.#lasting(
      paths.partition(
        side,
        names.filter((name) => !side.includes(name)),
      ),
    );
  }

  #oneWay({ id }: Replica): void {
    const { chance, paths } = this.#world;
    const other = this.#any().id;
    const kind = chance.weighted({ mute: 1, deaf: 1, block: 1 });
    this.#lasting(
      kind === "mute" ? paths.mute(id) : kind === "deaf" ? paths.deafen(id) : paths.block(id, other),
    );
  }

  #slowDisk(replica: Replica, diskMs: number): void {
    replica.diskMs = diskMs;
    this.#lasting(() => {
      replica.diskMs = this.#world.plan.diskMs;
      replica.goOn();
    });
  }

  #changeMembers(): void {
    const { chance, leader, replicas } = this.#world;
    if (leader?.isAwake !== true) return;
    const { configuration } = leader.raft.status();
    const names = [...replicas.keys()];
    const members = membersOf(configuration);
    const present = names.filter((name) => chance.in(members.includes(name) ? 0.85 : 0.5));
    const voters = present.filter((name) => {
      return members.includes(name) && chance.in(isVoter(configuration, name) ? 0.85 : 0.5);
    });
    const changed = leader.raft.change({
      voters,
      learners: present.filter((name) => !voters.includes(name)),
    });
    if (changed.ok) this.#world.count("changes of members begun");
    leader.work();
  }

  #burst(): void {
    const { leader } = this.#world;
    if (leader?.isAwake !== true) return;
    for (let n = 0; n < BURST; n += 1) {
      leader.raft.propose(encodeCommand({ kind: "write", key: "burst", value: String(n) }));
    }
    leader.work();
  }

  /** It ends after a while, or with the faults. */
  #lasting(undo: Cancel): void {
    this.#undo.add(undo);
    this.#world.timeline.after(this.#world.chance.spread(...CUT_MS), () => {
      if (this.#undo.delete(undo)) undo();
    });
  }

  #withAny(what: (replica: Replica) => void): void {
    const { chance, up } = this.#world;
    if (up.length > 0) what(chance.pick(up));
  }

  #any(): Replica {
    return this.#world.chance.pick([...this.#world.replicas.values()]);
  }
}
