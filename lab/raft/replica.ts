/**
 * The pure core on a simulated machine: a disk that takes its time and loses what it was about to write, a
 * clock that ticks, registers as state. It does what the shell does, in the order in which the shell does
 * it: persist, then send, then apply.
 */
import {
  type Cancel,
  type Configuration,
  type HardState,
  invariant,
  Raft,
  type RaftEntry,
  type RaftLimits,
  type RaftMessage,
  type Random,
  type ReadState,
  type Ready,
  type SnapshotPoint,
} from "../../federation/index.ts";
import type { MachineClock } from "../time/machine-clock.ts";
import { ProcessClock } from "../time/process-clock.ts";
import { type Applied, LabState } from "./state.ts";

/** A message, and with a snapshot the state that it stands for. */
export interface Envelope {
  readonly message: RaftMessage;
  readonly state?: Uint8Array;
}

/** What a replica tells the world; each call in the order in which things happen. */
export interface ReplicaWatcher {
  send(envelope: Envelope): void;
  persisted(replica: Replica, entries: readonly RaftEntry[]): void;
  applied(replica: Replica, entry: RaftEntry, applied: Applied): void;
  restored(replica: Replica, index: number, term: number): void;
  readable(replica: Replica, read: ReadState): void;
  leads(replica: Replica, term: number): void;
}

export interface ReplicaParts {
  readonly id: string;
  readonly clock: MachineClock;
  readonly random: Random;
  readonly configuration: Configuration;
  readonly limits: RaftLimits;
  readonly tickMs: number;
  readonly watcher: ReplicaWatcher;
}

/** How often a power cut takes what was written and not synced. */
const UNSYNCED_LOST = 0.7;

export class Replica {
  readonly id: string;
  readonly clock: MachineClock;
  readonly #parts: ReplicaParts;
  readonly #random: Random;
  /** Mean time of a sync; Infinity: none ever ends. */
  diskMs = 1;
  /** A disk that says "durable" and is not: what it holds since then is lost with the power. */
  lies = false;
  /** On the disk. */
  #hardState: HardState = { term: 0, vote: "", commit: 0 };
  #entries: RaftEntry[] = [];
  #base: SnapshotPoint;
  #baseState: Uint8Array;
  /** What the last sync left on the disk, where something was written since. */
  #synced: { hardState: HardState; entries: RaftEntry[] | undefined } | undefined;
  /** As the disk really is, while it lies. */
  #truth: (() => void) | undefined;
  /** In memory. */
  #process: ProcessClock | undefined;
  #raft: Raft | undefined;
  #state = new LabState();
  #outstanding: Ready | undefined;
  #isSyncing = false;
  /** States that came for snapshots, by index: a newer one may come while another one is taken over. */
  readonly #incoming = new Map<number, Uint8Array>();
  #ledTerm = 0;
  #cancelTick: Cancel = () => undefined;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.clock = parts.clock;
    this.#random = parts.random;
    this.#base = { index: 0, term: 0, configuration: parts.configuration };
    this.#baseState = this.#state.encode();
  }

  get isUp(): boolean {
    return this.#raft !== undefined;
  }

  /** It runs, and can do something by itself now. */
  get isAwake(): boolean {
    return this.isUp && this.#process?.isPaused !== true && !this.clock.isSuspended;
  }

  get process(): ProcessClock | undefined {
    return this.#process;
  }

  /** Its core, while it runs. */
  get raft(): Raft {
    invariant(this.#raft !== undefined, `${this.id} runs`);
    return this.#raft;
  }

  get state(): LabState {
    return this.#state;
  }

  start(): void {
    invariant(this.#raft === undefined, `${this.id} starts once`);
    this.#process = new ProcessClock(this.clock);
    this.#state = LabState.decode(this.#baseState);
    this.#raft = new Raft(
      {
        self: this.id,
        configuration: this.#base.configuration,
        hardState: this.#hardState,
        entries: this.#entries,
        snapshotIndex: this.#base.index,
        snapshotTerm: this.#base.term,
        random: this.#random,
      },
      this.#parts.limits,
    );
    this.#parts.watcher.restored(this, this.#base.index, this.#base.term);
    this.#tickLater();
    this.work();
  }

  /** `power`: the machine, too. What was being written is there in part, in the order of writing. */
  stop(how: "process" | "power"): void {
    if (this.#raft === undefined) return;
    this.#process?.end();
    this.#cancelTick();
    if (how === "power" && this.#random.next() < UNSYNCED_LOST) this.#loseUnsynced();
    // Else the system writes it back by and by.
    this.#synced = undefined;
    const ready = this.#outstanding;
    if (ready !== undefined)
      this.#persist(ready, Math.floor(this.#random.next() * (ready.entries.length + 2)));
    if (how === "power") {
      this.#truth?.();
      this.#truth = undefined;
    }
    this.#outstanding = undefined;
    this.#isSyncing = false;
    this.#incoming.clear();
    this.#raft = undefined;
    this.#ledTerm = 0;
  }

  /** From now on the disk keeps what is written in memory only. */
  startLying(): void {
    const before = [this.#hardState, [...this.#entries], this.#base, this.#baseState] as const;
    this.#truth ??= () => {
      const [hardState, entries, base, baseState] = before;
      this.#hardState = hardState;
      this.#entries = [...entries];
      this.#base = base;
      this.#baseState = baseState;
    };
  }

  step({ message, state }: Envelope): void {
    const { raft } = this;
    if (message.kind === "snapshot" && state !== undefined && message.point.index > raft.status().commit) {
      this.#incoming.set(message.point.index, state);
    }
    raft.step(message);
    this.work();
  }

  /** Does all that can be done now. */
  work(): void {
    for (;;) {
      for (const message of this.raft.takeMessages()) this.#send(message);
      this.#look();
      if (this.#outstanding !== undefined) return;
      const ready = this.raft.ready();
      if (ready === undefined) return;
      this.#outstanding = ready;
      if (ready.mustSync) {
        this.#syncLater(ready);
        return;
      }
      this.#finish(ready);
    }
  }

  /** The disk answers again. */
  goOn(): void {
    if (this.#raft === undefined) return;
    if (this.#outstanding !== undefined && !this.#isSyncing) this.#syncLater(this.#outstanding);
  }

  /** A snapshot of what is applied; the log goes on after it. */
  compact(): void {
    const { applied } = this.raft.status();
    if (applied !== this.#state.index || applied <= this.#base.index || this.#outstanding !== undefined)
      return;
    const term = this.termAt(applied) ?? this.#base.term;
    this.#base = { index: applied, term, configuration: this.raft.configurationAt(applied) };
    this.#baseState = this.#state.encode();
    this.#entries = this.#entries.filter(({ index }) => index > applied);
    this.raft.forgetSurplus();
  }

  /** Of the durable log: undefined before its beginning, 0 after its end. */
  termAt(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    if (index < this.#base.index) return undefined;
    return this.#entries[index - this.#base.index - 1]?.term ?? 0;
  }

  #tickLater(): void {
    this.#cancelTick =
      this.#process?.after(this.#parts.tickMs, () => {
        this.#tickLater();
        this.raft.tick();
        this.work();
      }) ?? this.#cancelTick;
  }

  #syncLater(ready: Ready): void {
    this.#isSyncing = Number.isFinite(this.diskMs);
    if (!this.#isSyncing) return;
    const delayMs = -Math.log(1 - this.#random.next()) * this.diskMs;
    this.#process?.after(delayMs, () => {
      this.#isSyncing = false;
      this.#finish(ready);
      this.work();
    });
  }

  #finish(ready: Ready): void {
    const { watcher } = this.#parts;
    this.#outstanding = undefined;
    if (!ready.mustSync) {
      const entries = ready.entries.length > 0 ? [...this.#entries] : undefined;
      this.#synced ??= { hardState: this.#hardState, entries };
      this.#synced.entries ??= entries;
    }
    this.#persist(ready, Number.POSITIVE_INFINITY);
    if (ready.mustSync) this.#synced = undefined;
    watcher.persisted(this, ready.entries);
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== undefined) {
      this.#state = LabState.decode(this.#baseState);
      watcher.restored(this, this.#base.index, this.#base.term);
    }
    for (const entry of ready.committed) watcher.applied(this, entry, this.#state.apply(entry));
    for (const read of ready.readStates) watcher.readable(this, read);
    this.raft.advance(ready);
    this.raft.forgetSurplus();
  }

  /** Term and vote, then the snapshot or the entries one by one; `steps` of all that happen. */
  #persist({ entries, hardState, snapshot }: Ready, steps: number): void {
    const { commit, term } = this.#hardState;
    if (steps >= 1 && hardState !== undefined) this.#hardState = { ...hardState, commit };
    invariant(this.#hardState.term >= term, "the durable term never goes back");
    if (snapshot !== undefined && steps >= 2) {
      const state = this.#incoming.get(snapshot.index);
      invariant(state !== undefined, "a snapshot is taken over with its state");
      this.#base = snapshot;
      this.#baseState = state;
      for (const index of this.#incoming.keys()) if (index <= snapshot.index) this.#incoming.delete(index);
      this.#entries = [];
    }
    for (const [at, entry] of entries.entries()) {
      if (steps < at + 2) return;
      this.#entries.length = Math.min(this.#entries.length, entry.index - this.#base.index - 1);
      const last = this.#entries.at(-1)?.index ?? this.#base.index;
      invariant(entry.index === last + 1, "the log on the disk has no gap");
      this.#entries.push(entry);
    }
    if (hardState === undefined || steps !== Number.POSITIVE_INFINITY) return;
    const durable = this.#entries.at(-1)?.index ?? this.#base.index;
    this.#hardState = { ...hardState, commit: Math.max(commit, Math.min(hardState.commit, durable)) };
  }

  #loseUnsynced(): void {
    if (this.#synced === undefined) return;
    this.#hardState = this.#synced.hardState;
    this.#entries = this.#synced.entries ?? this.#entries;
    this.#synced = undefined;
  }

  #send(message: RaftMessage): void {
    const { watcher } = this.#parts;
    if (message.kind !== "snapshot") {
      watcher.send({ message });
      return;
    }
    // The newest state there is will do.
    const { index } = this.#state;
    if (index < message.point.index) {
      this.raft.snapshotSent(message.to, 0);
      return;
    }
    const term = this.termAt(index) ?? this.#base.term;
    const point = { index, term, configuration: this.raft.configurationAt(index) };
    watcher.send({ message: { ...message, point }, state: this.#state.encode() });
  }

  #look(): void {
    const { role, term } = this.raft.status();
    if (role !== "leader" || term === this.#ledTerm) return;
    this.#ledTerm = term;
    this.#parts.watcher.leads(this, term);
  }
}
