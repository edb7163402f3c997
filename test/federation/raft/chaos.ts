/** A group of servers under everything that a network, a disk and an operator can do to it, from one seed. */
import assert from "node:assert/strict";
import type { Random } from "../../../federation/ports.ts";
import { type Configuration, isJoint, isVoter, membersOf } from "../../../federation/raft/configuration.ts";
import { RAFT_LIMITS, type RaftLimits } from "../../../federation/raft/limits.ts";
import type { RaftEntry } from "../../../federation/raft/ready.ts";
import { seededRandom } from "../../../federation/random.ts";
import { bytes, configurationOf, type Envelope, Server, text } from "./server.ts";

const QUEUE_MAX = 400;
const HEAL_TICKS_MAX = 400;
const CHECK_EVERY_STEPS = 50;

/** Small, so that windows fill, snapshots are needed and messages are cut. */
const LIMITS: Partial<RaftLimits> = {
  uncommittedBytes: 60,
  readyBytes: 20,
  messageBytes: 10,
  inflightMessages: 3,
  inflightBytes: 40,
  retainedEntries: 8,
  retainedBytes: 200,
  pinnedBytes: 400,
  caughtUpEntries: 5,
};

interface Read {
  readonly server: string;
  /** Committed for certain when it was asked. */
  readonly indexMin: number;
}

export class Chaos {
  readonly #random: Random;
  readonly #servers: Server[];
  #queue: Envelope[] = [];
  #cut = new Set<string>();
  readonly #reads = new Map<number, Read>();
  #contexts = 0;
  #proposals = 0;
  /** By index: what was applied there, anywhere. */
  readonly #applied: RaftEntry[] = [];
  readonly #leaders = new Map<number, string>();
  /** Rates of this run's faults. */
  readonly #rates: {
    readonly loss: number;
    readonly copy: number;
    readonly crash: number;
    readonly change: number;
  };
  /** What happened, for the sum over all seeds. */
  readonly seen = { elections: 0, commits: 0, reads: 0, changes: 0, snapshots: 0, crashes: 0, transfers: 0 };

  constructor(seed: string) {
    this.#random = seededRandom(seed);
    const count = 3 + this.#below(4);
    const names = Array.from({ length: count }, (_, at) => `n${at + 1}`);
    const voters = names.slice(0, 1 + this.#below(Math.min(count, 5)));
    const joined = configurationOf(voters);
    this.#servers = names.map((name) => {
      const configuration = voters.includes(name) ? joined : configurationOf([]);
      return new Server(name, configuration, { limits: LIMITS, random: this.#random.fork(name) });
    });
    for (const server of this.#servers) server.onApply = (entry) => this.#checkApplied(server, entry);
    const draw = (most: number) => (this.#random.next() < 0.3 ? 0 : this.#random.next() * most);
    this.#rates = { loss: draw(0.2), copy: draw(0.2), crash: draw(0.01), change: draw(0.1) };
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      for (const server of this.#servers) this.#look(server);
      if (step % CHECK_EVERY_STEPS === 0) this.#checkLogs();
    }
    this.#heal();
    this.#checkLogs();
  }

  #step(): void {
    const server = this.#pick(this.#servers);
    const dice = this.#random.next();
    if (dice < this.#rates.crash) {
      this.seen.crashes += 1;
      server.crash(this.#random);
    } else if (dice < 0.015) this.#repartition();
    else if (dice < 0.2) server.raft.tick();
    else if (dice < 0.25) this.#propose(server);
    else if (dice < 0.3) this.#read(server);
    else if (dice < 0.32) server.compact();
    else if (dice < 0.325) server.raft.linkClosed(this.#pick(this.#servers).id);
    else if (dice < 0.33) this.#transfer();
    else if (dice < 0.33 + this.#rates.change) this.#change();
    else if (dice < 0.7) this.#work(server);
    else for (let count = 0; count < 3; count += 1) this.#deliver();
  }

  /** A step of the shell: begin a Ready, or finish the one begun, whatever came in between. */
  #work(server: Server): void {
    this.#send(server.take());
    if (server.outstanding === undefined) server.begin();
    else this.#send(server.finish());
    this.#send(server.take());
    for (const { context, index } of server.reads.splice(0)) {
      const read = this.#reads.get(context);
      // A read that was asked for before a crash is nobody's any more.
      if (read === undefined || read.server !== server.id) continue;
      this.#reads.delete(context);
      this.seen.reads += 1;
      assert.ok(index >= read.indexMin, `a read at ${index} misses what was committed at ${read.indexMin}`);
    }
    if (this.#random.next() < 0.5) server.raft.forgetSurplus();
  }

  #send(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) {
      if (this.#random.next() < this.#rates.loss || this.#queue.length >= QUEUE_MAX) {
        if (envelope.message.kind === "snapshot") this.#snapshotSent(envelope, 0);
        continue;
      }
      this.#queue.push(envelope);
      if (this.#random.next() < this.#rates.copy) this.#queue.push(envelope);
    }
  }

  /** The oldest message, or any one. */
  #deliver(): void {
    const at = this.#random.next() < 0.7 ? 0 : this.#below(this.#queue.length);
    const [envelope] = this.#queue.splice(at, 1);
    if (envelope === undefined) return;
    const { from, kind, to } = envelope.message;
    if (this.#cut.has(`${from} ${to}`)) {
      if (kind === "snapshot") this.#snapshotSent(envelope, 0);
      return;
    }
    if (kind === "snapshot") {
      this.seen.snapshots += 1;
      this.#snapshotSent(envelope, envelope.message.point.index);
    }
    this.#server(to).step(envelope);
  }

  #snapshotSent({ message }: Envelope, index: number): void {
    this.#server(message.from).raft.snapshotSent(message.to, index);
  }

  #propose(server: Server): void {
    this.#proposals += 1;
    server.raft.propose(bytes(`${this.#proposals}`));
  }

  #read(server: Server): void {
    this.#contexts += 1;
    const asked = server.raft.readIndex(this.#contexts);
    if (asked.ok) this.#reads.set(this.#contexts, { server: server.id, indexMin: this.#applied.length });
  }

  #transfer(): void {
    for (const { raft } of this.#servers) {
      if (raft.transfer(this.#pick(this.#servers).id)) this.seen.transfers += 1;
    }
  }

  #change(): void {
    for (const { raft } of this.#servers) {
      if (raft.status().role !== "leader") continue;
      const { lastIndex } = raft.status();
      const changed = raft.change(this.#drawMembers(raft.status().configuration));
      if (changed.ok && changed.value.index > lastIndex) this.seen.changes += 1;
    }
  }

  /** One peer comes or goes, or voters and learners change places. */
  #drawMembers(current: Configuration) {
    const { id } = this.#pick(this.#servers);
    const without = membersOf(current).filter((each) => each !== id);
    const all = this.#random.next() < 0.3 ? without : [...without, id];
    const drawn = without.filter((each) => this.#random.next() < (isVoter(current, each) ? 0.8 : 0.5));
    return { voters: this.#random.next() < 0.5 ? drawn : current.voters, learners: all };
  }

  #repartition(): void {
    this.#cut = new Set();
    if (this.#random.next() < 0.5) return;
    const isOneWay = this.#random.next() < 0.3;
    const side = this.#servers.filter(() => this.#random.next() < 0.5).map(({ id }) => id);
    for (const { id } of this.#servers) {
      if (side.includes(id)) continue;
      for (const other of side) {
        this.#cut.add(`${id} ${other}`);
        if (!isOneWay) this.#cut.add(`${other} ${id}`);
      }
    }
  }

  #look(server: Server): void {
    const { role, term } = server.status;
    if (role !== "leader") return;
    const known = this.#leaders.get(term);
    assert.equal(known ?? server.id, server.id, `two leaders in term ${term}`);
    if (known !== undefined) return;
    this.#leaders.set(term, server.id);
    this.seen.elections += 1;
    // Leader completeness: whatever was committed is in the log of each later leader.
    const log = server.durableLog();
    for (const entry of this.#applied) {
      if (entry.term < term)
        assert.equal(log[entry.index - 1]?.term, entry.term, `entry ${entry.index} is lost`);
    }
  }

  #checkApplied(server: Server, entry: RaftEntry): void {
    const known = this.#applied[entry.index - 1];
    if (known !== undefined) {
      assert.equal(describe(entry), describe(known), `${server.id} applies another entry ${entry.index}`);
      return;
    }
    assert.equal(entry.index, this.#applied.length + 1, "nothing is applied before what precedes it");
    assert.equal(server.durableLog()[entry.index - 1]?.term, entry.term, "durable before it is applied");
    this.#applied.push(entry);
    this.seen.commits += 1;
  }

  /** Log matching: where two logs have an entry of one index and term, all before is equal. */
  #checkLogs(): void {
    for (const [at, left] of this.#servers.entries()) {
      for (const right of this.#servers.slice(at + 1)) {
        const one = left.durableLog();
        const other = right.durableLog();
        let last = Math.min(one.length, other.length) - 1;
        while (last >= 0 && one[last]?.term !== other[last]?.term) last -= 1;
        for (let index = 0; index <= last; index += 1) {
          assert.equal(describe(one[index]), describe(other[index]), `logs of ${left.id} and ${right.id}`);
        }
      }
    }
  }

  /** All faults end; within a bound there is one leader, and a last command gets to every member. */
  #heal(): void {
    this.#cut = new Set();
    let proposed = "";
    for (let tick = 0; tick < HEAL_TICKS_MAX; tick += 1) {
      for (const server of this.#servers) server.raft.tick();
      for (let round = 0; round < RAFT_LIMITS.electionTicks; round += 1) this.#deliverAll();
      for (const server of this.#servers) this.#look(server);
      const leader = this.#servers
        .filter(({ isLeader }) => isLeader)
        .sort(byTerm)
        .at(-1);
      if (leader === undefined || isJoint(leader.status.configuration)) continue;
      if (proposed === "" || !isIn(leader, proposed)) {
        const value = `last ${tick}`;
        if (leader.raft.propose(bytes(value)).ok) proposed = value;
        continue;
      }
      const members = this.#servers.filter(({ id }) => leader.members.includes(id));
      if (members.every(({ state }) => state.some(({ data }) => text(data) === proposed))) return;
    }
    const states = this.#servers.map(({ id, status }) => `${id} ${JSON.stringify(status)}`).join("\n");
    assert.fail(`no progress after all faults ended\n${states}`);
  }

  #deliverAll(): void {
    for (const server of this.#servers) {
      if (server.outstanding !== undefined) this.#queue.push(...server.finish());
      this.#queue.push(...server.run());
    }
    for (const envelope of this.#queue.splice(0)) {
      if (envelope.message.kind === "snapshot") this.#snapshotSent(envelope, envelope.message.point.index);
      this.#server(envelope.message.to).step(envelope);
    }
  }

  #server(id: string): Server {
    const server = this.#servers.find((each) => each.id === id);
    assert.ok(server !== undefined);
    return server;
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.#below(values.length)] as Value;
  }
}

/** Lost with a leader before, it may still lie in the log of a server that left. */
function isIn({ entries, state }: Server, value: string): boolean {
  return [...entries, ...state].some(({ data }) => text(data) === value);
}

function byTerm(left: Server, right: Server): number {
  return left.status.term - right.status.term;
}

function describe(entry: RaftEntry | undefined): string {
  return entry === undefined ? "none" : `${entry.term} ${entry.kind ?? ""} ${text(entry.data)}`;
}
