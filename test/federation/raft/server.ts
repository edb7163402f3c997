/**
 * A core with a disk and a state machine for the tests: what `persist` was told survives a crash, and of what
 * was being written a part by chance. The state is the list of all commands.
 */
import assert from "node:assert/strict";
import { type Configuration, membersOf } from "../../../federation/raft/configuration.ts";
import { Raft } from "../../../federation/raft/core.ts";
import { RAFT_LIMITS, type RaftLimits } from "../../../federation/raft/limits.ts";
import type { RaftMessage } from "../../../federation/raft/message.ts";
import type {
  HardState,
  RaftEntry,
  RaftStart,
  ReadState,
  Ready,
  SnapshotPoint,
} from "../../../federation/raft/ready.ts";
import { seededRandom } from "../../../federation/random.ts";

export interface Envelope {
  readonly message: RaftMessage;
  /** The state that goes with a snapshot. */
  readonly state?: readonly RaftEntry[];
}

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (data: Uint8Array) => new TextDecoder().decode(data);

export function configurationOf(voters: readonly string[], learners: readonly string[] = []): Configuration {
  return { voters, outgoing: [], learners };
}

export class Server {
  readonly id: string;
  readonly #random: { next(): number };
  readonly #limits: RaftLimits;
  /** On the disk. */
  hardState: HardState = { term: 0, vote: "", commit: 0 };
  entries: RaftEntry[] = [];
  base: SnapshotPoint;
  baseState: readonly RaftEntry[] = [];
  /** In memory. */
  raft: Raft;
  /** Every entry that was applied, from the first one on. */
  state: RaftEntry[] = [];
  reads: ReadState[] = [];
  outstanding: Ready | undefined;
  /** States by index, from the arrival of a snapshot to its Ready; the core may refuse some. */
  #incoming = new Map<number, readonly RaftEntry[]>();
  onApply: (entry: RaftEntry) => void = () => undefined;

  constructor(
    id: string,
    configuration: Configuration,
    options: { readonly limits?: Partial<RaftLimits>; readonly random?: { next(): number } } = {},
  ) {
    this.id = id;
    this.#random = options.random ?? seededRandom(id);
    this.#limits = { ...RAFT_LIMITS, ...options.limits };
    this.base = { index: 0, term: 0, configuration };
    this.raft = this.#start();
  }

  /** Begins from what a disk might hold. */
  load(disk: {
    readonly hardState: HardState;
    readonly entries: RaftEntry[];
    readonly index: number;
    readonly term: number;
  }): void {
    this.hardState = disk.hardState;
    this.entries = disk.entries;
    this.base = { ...this.base, index: disk.index, term: disk.term };
    this.baseState = Array.from({ length: disk.index }, (_, at) => {
      return { index: at + 1, term: disk.term, data: bytes("") };
    });
    this.state = [...this.baseState];
    this.raft = this.#start();
  }

  get status() {
    return this.raft.status();
  }

  get isLeader(): boolean {
    return this.status.role === "leader";
  }

  /** What waits to be sent without the disk. */
  take(): Envelope[] {
    return this.raft.takeMessages().map((message) => this.#envelope(message));
  }

  step({ message, state }: Envelope): void {
    if (message.kind === "snapshot") {
      assert.ok(state !== undefined);
      this.#incoming.set(message.point.index, state);
    }
    this.raft.step(message);
  }

  /** The next Ready, not persisted yet. */
  begin(): Ready | undefined {
    assert.equal(this.outstanding, undefined);
    this.outstanding = this.raft.ready();
    return this.outstanding;
  }

  /** Persists what was begun, applies it, and returns what may be sent now. */
  finish(): Envelope[] {
    const ready = this.outstanding;
    assert.ok(ready !== undefined);
    this.outstanding = undefined;
    this.#persist(ready, Number.POSITIVE_INFINITY);
    if (ready.snapshot !== undefined) this.state = [...this.baseState];
    for (const entry of ready.committed) {
      assert.equal(entry.index, (this.state.at(-1)?.index ?? 0) + 1, `${this.id} applies in order`);
      this.state.push(entry);
      this.onApply(entry);
    }
    this.reads.push(...ready.readStates);
    const sent = ready.messages.map((message) => this.#envelope(message));
    this.raft.advance(ready);
    return sent;
  }

  /** Persists what was begun and goes no further. */
  persist(): void {
    assert.ok(this.outstanding !== undefined, "ready first");
    this.#persist(this.outstanding, Number.POSITIVE_INFINITY);
  }

  /** All Readies that there are. */
  run(): Envelope[] {
    const sent = this.take();
    while (this.begin() !== undefined) sent.push(...this.finish(), ...this.take());
    return sent;
  }

  /** The process dies, and with it what was not on the disk; what was being written is there in part. */
  crash(random?: { next(): number }): void {
    if (this.outstanding !== undefined && random !== undefined) {
      this.#persist(this.outstanding, Math.floor(random.next() * (this.outstanding.entries.length + 2)));
    }
    this.outstanding = undefined;
    this.#incoming.clear();
    this.reads = [];
    this.state = [...this.baseState];
    this.raft = this.#start();
  }

  /** Takes a snapshot of what is applied and lets go of the log before it. */
  compact(): void {
    const index = this.state.at(-1)?.index ?? 0;
    // Between the arrival of a snapshot and its Ready the core is ahead of the state.
    if (index === this.base.index || this.status.applied !== index) return;
    const term = this.state.at(-1)?.term ?? 0;
    this.base = { index, term, configuration: this.raft.configurationAt(index) };
    this.baseState = [...this.state];
    this.entries = this.entries.filter((entry) => entry.index > index);
    this.raft.forget(index);
  }

  /** The log on the disk, snapshot included. */
  durableLog(): readonly RaftEntry[] {
    return [...this.baseState, ...this.entries];
  }

  get members(): readonly string[] {
    return membersOf(this.status.configuration);
  }

  #start(): Raft {
    const start: RaftStart = {
      self: this.id,
      configuration: this.base.configuration,
      hardState: this.hardState,
      entries: this.entries,
      snapshotIndex: this.base.index,
      snapshotTerm: this.base.term,
      random: this.#random,
    };
    return new Raft(start, this.#limits);
  }

  #envelope(message: RaftMessage): Envelope {
    if (message.kind !== "snapshot") return { message };
    // It may have gone on since the core gave the order.
    return { message, state: this.state.slice(0, message.point.index) };
  }

  /** In the order of the shell: term and vote, then the snapshot or the entries. `steps` of them happen. */
  #persist({ entries, hardState, snapshot }: Ready, steps: number): void {
    const { commit, term } = this.hardState;
    // With the entries or without: a commit index holds for what was durable before.
    if (steps >= 1 && hardState !== undefined)
      this.hardState = { ...hardState, commit: steps % 2 === 0 ? commit : hardState.commit };
    if (snapshot !== undefined) {
      if (steps < 2) return;
      const state = this.#incoming.get(snapshot.index);
      assert.equal(state?.at(-1)?.index, snapshot.index, "the state that came is the one stood for");
      for (const index of this.#incoming.keys()) if (index <= snapshot.index) this.#incoming.delete(index);
      this.base = snapshot;
      this.baseState = state ?? [];
      this.entries = [];
    }
    for (const [at, entry] of entries.entries()) {
      if (steps < at + 2) return;
      this.entries = this.entries.filter((each) => each.index < entry.index);
      assert.equal(entry.index, (this.entries.at(-1)?.index ?? this.base.index) + 1, "no gap on the disk");
      this.entries.push(entry);
    }
    assert.ok(this.hardState.term >= term, "the durable term never goes back");
    if (hardState !== undefined && steps === Number.POSITIVE_INFINITY) this.hardState = hardState;
  }
}
