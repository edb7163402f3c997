/**
 * A group of pure Raft cores under all that a network, disks, clocks and operators do to it, on virtual
 * time, from one seed. Everything is checked as it happens; then the faults end, and the group must get to
 * work.
 */
import { createHash } from "node:crypto";
import {
  type Configuration,
  canonicalText,
  InvariantError,
  membersOf,
  type NodeId,
  type RaftEntry,
  type RaftMessage,
  type ReadState,
  seededRandom,
} from "../../federation/index.ts";
import { Chance } from "../chance.ts";
import { checkCapacity } from "../checkers/capacity.ts";
import { DesiredChecker } from "../checkers/desired.ts";
import { EventChecker } from "../checkers/events.ts";
import { IncarnationChecker } from "../checkers/incarnations.ts";
import { LeaderChecker } from "../checkers/leader.ts";
import { checkLinearizable } from "../checkers/linearizability.ts";
import { LogChecker } from "../checkers/log.ts";
import { REGISTER } from "../checkers/register.ts";
import { StateChecker } from "../checkers/states.ts";
import { Trace } from "../checkers/trace.ts";
import { Violation } from "../checkers/violation.ts";
import { Paths } from "../network/paths.ts";
import { LAN } from "../network/rules.ts";
import { Wire } from "../network/wire.ts";
import type { RunReport } from "../run-report.ts";
import { MachineClock } from "../time/machine-clock.ts";
import { Timeline } from "../time/timeline.ts";
import { Clients } from "./clients.ts";
import { LedgerWork } from "./ledger-work.ts";
import { drawRaftPlan, type RaftPlan } from "./plan.ts";
import { encodeCommand } from "./registers.ts";
import { type Envelope, Replica } from "./replica.ts";
import type { Applied, LabState } from "./state.ts";

const HEALED_DISK_MS = 0.2;
const LOOK_MS = 100;
/** Hashing a ledger costs as much as writing it. */
const HASH_EVERY = 32;
/** After the last fault the group works again within so many election timeouts. */
const HEAL_ELECTIONS = 40;
/** A snapshot on its way that nobody heard of for so long is lost. */
const SNAPSHOT_LOST_MS = 3_000;

export class RaftWorld {
  readonly timeline = new Timeline();
  readonly plan: RaftPlan;
  readonly chance: Chance;
  readonly paths: Paths;
  readonly wire: Wire;
  readonly replicas = new Map<string, Replica>();
  readonly clients: Clients;
  readonly work: LedgerWork;
  /** Peers whose disk broke its word: they may find out and crash, but never go on as if nothing was. */
  readonly mayCrash = new Set<string>();
  readonly #trace = new Trace();
  readonly #happenings = new Map<string, number>();
  readonly #leaders = new LeaderChecker();
  readonly #log = new LogChecker();
  readonly #states = new StateChecker();
  readonly #events = new EventChecker();
  readonly #hashes = new StateChecker();
  readonly #incarnations = new IncarnationChecker();

  constructor(seed: number | string, plan?: RaftPlan) {
    const chance = new Chance(seededRandom(seed));
    this.plan = plan ?? drawRaftPlan(chance.fork("plan"));
    this.chance = chance.fork("faults");
    const ids = Array.from({ length: this.plan.peers }, (_, n) => `n${n + 1}` as NodeId);
    this.paths = new Paths(ids);
    this.wire = new Wire(this.timeline, chance.random.fork("wire"), this.paths, this.plan.network);
    const voters = ids.slice(0, this.plan.voters);
    for (const id of ids) {
      const isFounder = voters.includes(id);
      const replica = new Replica({
        id,
        clock: new MachineClock(this.timeline),
        random: chance.random.fork(`replica ${id}`),
        configuration: { voters: isFounder ? voters : [], outgoing: [], learners: [] },
        limits: this.plan.limits,
        tickMs: this.plan.tickMs,
        watcher: this.#watcher(),
      });
      replica.diskMs = this.plan.diskMs;
      this.replicas.set(id, replica);
    }
    this.work = new LedgerWork(this, chance.fork("work"));
    for (const replica of this.replicas.values()) replica.start();
    this.clients = new Clients(this, chance.fork("clients"));
  }

  note(line: string): void {
    this.#trace.note(`${this.timeline.nowMs.toFixed(2)} ${line}`);
  }

  count(name: string, times = 1): void {
    this.#happenings.set(name, (this.#happenings.get(name) ?? 0) + times);
  }

  get up(): readonly Replica[] {
    return [...this.replicas.values()].filter(({ isUp }) => isUp);
  }

  /** Whoever leads the highest term, if anyone thinks it leads. */
  get leader(): Replica | undefined {
    return this.up
      .filter(({ raft }) => raft.status().role === "leader")
      .sort((left, right) => left.raft.status().term - right.raft.status().term)
      .at(-1);
  }

  /** Lets time pass; what breaks carries the trace. */
  async pass(durationMs: number): Promise<void> {
    try {
      await this.timeline.advance(durationMs);
    } catch (error) {
      throw this.withTrace(error);
    }
  }

  /** Ends all faults and demands that the group works, and that all answers fit together. */
  async heal(): Promise<void> {
    this.clients.end();
    this.work.calm();
    this.wire.rules = LAN;
    this.paths.heal();
    for (const replica of this.replicas.values()) {
      replica.diskMs = HEALED_DISK_MS;
      replica.process?.resume();
      if (replica.clock.isSuspended) replica.clock.wake();
      if (!replica.isUp) replica.start();
      replica.goOn();
    }
    this.note("healed");
    const boundMs = HEAL_ELECTIONS * this.plan.limits.electionTicks * this.plan.tickMs;
    const checker = new DesiredChecker(boundMs);
    checker.healed(this.timeline.nowMs);
    try {
      for (;;) {
        await this.timeline.advance(LOOK_MS);
        if (checker.saw(this.timeline.nowMs, this.#missing())) break;
      }
      this.count("healed in ms", Math.round(checker.tookMs ?? 0));
      for (const { id, state } of this.up) this.#hashes.saw(id, state.index, this.#hash(state));
      this.#judgeHistory();
    } catch (error) {
      throw this.withTrace(error);
    }
  }

  report(): RunReport {
    this.count("terms", this.#leaders.terms);
    this.count("commits", this.#log.lastCommitted);
    this.count("answers", this.clients.answered);
    for (const [name, times] of Object.entries(this.wire.counts)) this.count(`packets ${name}`, times);
    return {
      traceHash: this.#trace.digest(),
      trace: this.#trace.lines,
      happenings: Object.fromEntries([...this.#happenings].sort()),
      events: this.timeline.ran,
      virtualMs: this.timeline.nowMs,
    };
  }

  /** What a working group would have and this one has not. */
  #missing(): readonly string[] {
    const { leader } = this;
    if (leader === undefined) return ["there is no leader"];
    const { commit, configuration, lastIndex } = leader.raft.status();
    if (configuration.outgoing.length > 0) return ["a change of members is not over"];
    const last = encodeCommand({ kind: "write", key: "healed", value: "yes" });
    if (leader.state.registers.read("healed") === "") {
      if (commit === lastIndex) leader.raft.propose(last);
      leader.work();
      return ["a last write is not done"];
    }
    const pending = this.work.missing(leader);
    return pending.length > 0 ? pending : this.#behind(configuration, commit);
  }

  #behind(configuration: Configuration, commit: number): readonly string[] {
    return membersOf(configuration).flatMap((id) => {
      const index = this.replicas.get(id)?.state.index ?? 0;
      return index >= commit ? [] : [`${id} has applied ${index} of ${commit}`];
    });
  }

  /** Equal states, events without gap, and nothing given out twice. */
  #judgeState({ id, state }: Replica, { index }: RaftEntry, { command, events, outcome }: Applied): void {
    this.#states.saw(
      id,
      index,
      `${state.registers.digest()} ${outcome === undefined ? "" : canonicalText(outcome)}`,
    );
    for (const event of events) this.#events.told(event, canonicalText(event));
    if (command === undefined) return;
    if (index === this.#log.lastCommitted) {
      this.count(`ledger ${command.kind}${outcome?.ok === true ? "" : " refused"}`);
      if (outcome?.ok === true) this.count("placements refused", outcome.refused ?? 0);
      checkCapacity(state.ledger);
      for (const node of state.ledger.nodes()) this.#incarnations.holds(node.id, node.incarnation);
    }
    if (index % HASH_EVERY === 0) this.#hashes.saw(id, index, this.#hash(state));
  }

  #hash({ ledger }: LabState): string {
    return ledger.hash((bytes) => createHash("sha256").update(bytes).digest());
  }

  #judgeHistory(): void {
    const verdict = checkLinearizable(REGISTER, this.clients.history.operations);
    this.count(verdict.result);
    if (verdict.result !== "violated") return;
    const stuck = verdict.stuck.map((operation) => JSON.stringify(operation)).join("\n  ");
    throw new Violation("safety", "linearizability", `no order explains key ${verdict.key}:\n  ${stuck}`);
  }

  #watcher() {
    return {
      send: (envelope: Envelope) => this.#send(envelope),
      persisted: (replica: Replica, entries: readonly RaftEntry[]) => this.#persisted(replica, entries),
      applied: (replica: Replica, entry: RaftEntry, applied: Applied) => {
        this.#log.applies(replica.id, logged(entry));
        this.#judgeState(replica, entry, applied);
        this.clients.applied(replica, entry, applied.answer);
      },
      restored: (replica: Replica, index: number, term: number) => {
        this.note(`${replica.id} restores ${index}`);
        this.#log.restores(replica.id, index, term);
      },
      readable: (replica: Replica, read: ReadState) => this.clients.readable(replica, read),
      leads: (replica: Replica, term: number) => {
        this.note(`${replica.id} leads term ${term}`);
        this.#leaders.leads(replica.id, term);
      },
    };
  }

  #persisted(replica: Replica, entries: readonly RaftEntry[]): void {
    for (const entry of entries) {
      this.#log.holds(replica.id, logged(entry), replica.termAt(entry.index - 1) ?? 0);
    }
    const { role, term } = replica.raft.status();
    // A leader's first entry of its term: then all that comes before it is on its disk, too.
    if (role === "leader" && entries.some((entry) => entry.term === term && isFirst(entry))) {
      this.#log.leads(replica.id, term, (index) => replica.termAt(index));
    }
  }

  #send(envelope: Envelope): void {
    const { from, to } = envelope.message;
    this.note(describe(envelope.message));
    if (envelope.state !== undefined) this.#followSnapshot(envelope);
    if (!this.paths.isOpen(from, to) && this.chance.in(0.5)) {
      this.#reach(from, (replica) => replica.raft.unreachable(to));
    }
    this.wire.send(from, to, () => this.#deliver(to, (replica) => replica.step(envelope)));
  }

  /** The sender learns of the arrival, or takes it for lost. */
  #followSnapshot({ message }: Envelope): void {
    if (message.kind !== "snapshot") return;
    const { from, point, to } = message;
    const target = this.replicas.get(to);
    this.count("snapshots sent");
    this.timeline.after(SNAPSHOT_LOST_MS, () => {
      const index = (target?.state.index ?? 0) >= point.index ? point.index : 0;
      this.#deliver(from, (replica) => {
        replica.raft.snapshotSent(to, index);
        replica.work();
      });
    });
  }

  #deliver(to: string, what: (replica: Replica) => void): void {
    const replica = this.replicas.get(to);
    const process = replica?.process;
    process?.deliver(() => {
      if (replica?.isUp === true && replica.process === process) this.#run(replica, what);
    });
  }

  #run(replica: Replica, what: (replica: Replica) => void): void {
    try {
      what(replica);
    } catch (error) {
      if (!(error instanceof InvariantError && this.mayCrash.has(replica.id))) throw error;
      this.note(`${replica.id} crashes: ${error.message}`);
      this.count("loud crashes");
      replica.stop("process");
    }
  }

  /** Tells a replica something once it is not in the middle of something else. */
  #reach(id: string, what: (replica: Replica) => void): void {
    this.timeline.after(0, () => this.#deliver(id, what));
  }

  withTrace(error: unknown): unknown {
    if (error instanceof Error) Reflect.set(error, "trace", this.#trace.lines);
    return error;
  }
}

function isFirst({ data, kind }: RaftEntry): boolean {
  return data.length === 0 && kind === undefined;
}

function logged({ data, index, kind, term }: RaftEntry) {
  return { index, term, digest: `${kind ?? ""} ${Buffer.from(data).toString()}` };
}

function describe(message: RaftMessage): string {
  const { from, kind, term, to, ...body } = message;
  const parts = Object.entries(body).map(([name, value]) => {
    if (Array.isArray(value)) return `${name}=${value.length}`;
    return `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`;
  });
  return `${from}>${to} ${kind} t${term} ${parts.join(" ")}`;
}
