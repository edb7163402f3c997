/** A ledger behind a slow disk, and threads that are none, for tests of planning. */
import {
  type Command,
  decodeCommand,
  encodeCommand,
  type GroupSpec,
  type JobSpec,
  Ledger,
  type NodeFacts,
  PeerError,
  PlacingDesk,
  type PlacingMessage,
  seededRandom,
} from "../../../federation/index.ts";
import { ManualClock } from "../../../lab/index.ts";
import type { Applied } from "../../../node/authority/authority.ts";
import type { PlanningAuthority } from "../../../node/authority/planning/planner.ts";
import type { PlacingThreads, ThreadEvents } from "../../../node/authority/planning/threads.ts";
import { groupSpec, hash, jobSpec, nodeFacts, REGION, sized } from "../../federation/ledger/support.ts";

/** How long an entry takes to the disk. */
export const DISK_MS = 10;

/** Applies what is proposed in order, each entry a while after it came. */
export class Stage implements PlanningAuthority {
  readonly clock = new ManualClock();
  readonly random = seededRandom("stage");
  readonly ledger = new Ledger({ regionId: REGION, generation: 1 });
  readonly logged: string[] = [];
  readonly proposed: Command[] = [];
  /** Thrown in place of the next proposals. */
  readonly failures: PeerError[] = [];
  /** Proposals on their way: now, and at most. */
  underWay = 0;
  underWayMax = 0;
  #versions = 0;
  readonly #listeners = new Set<(applied: Applied) => void>();

  readonly log = (level: string, message: string): void => {
    this.logged.push(`${level} ${message}`);
  };

  watch(listener: (applied: Applied) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  propose(command: Command): ReturnType<PlanningAuthority["propose"]> {
    this.proposed.push(command);
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    const bytes = encodeCommand(command);
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    return new Promise((resolve, reject) => {
      this.clock.after(DISK_MS, () => {
        this.underWay -= 1;
        const { index, outcome } = this.apply(decodeCommand(bytes));
        if (outcome.ok) resolve({ index, outcome });
        else reject(new PeerError(outcome.code === "stale" ? "conflict" : outcome.code, outcome.message));
      });
    });
  }

  /** At once, as if it had been proposed a while ago. */
  apply(command: Command) {
    const index = this.ledger.index + 1;
    const { events, outcome } = this.ledger.apply(index, command);
    for (const listener of this.#listeners) listener({ index, events, restored: false });
    return { index, outcome };
  }

  register(n: number, changes: Partial<NodeFacts> = {}): void {
    this.apply({ kind: "node.register", node: nodeFacts(n, changes), atMs: this.clock.wall() });
  }

  admit(name: string, group: Partial<GroupSpec> = {}, changes: Partial<JobSpec> = {}): void {
    const spec = jobSpec(name, { groups: [groupSpec({ ...sized(100), ...group })], ...changes });
    const version = hash(`${name} ${this.#versions++}`);
    this.apply({
      kind: "job.admit",
      namespace: spec.namespace,
      job: spec.id,
      heads: [version],
      follows: this.ledger.job(spec.namespace, spec.id)?.heads ?? [],
      versionId: version,
      operation: "run",
      spec,
      submittedBy: "tester",
      submittedAtMs: this.clock.wall(),
      atMs: this.clock.wall(),
    });
  }

  /** Statuses of all evaluations, and how many instances are placed. */
  told(): { readonly statuses: readonly string[]; readonly placed: number } {
    const statuses = this.ledger.evaluations().map(({ status }) => status);
    return { statuses, placed: this.ledger.allocations().length };
  }

  get plans() {
    return this.proposed.flatMap((command) => (command.kind === "plan.apply" ? [command] : []));
  }
}

export type Mood = "works" | "crashes" | "hangs";

/** Threads in this one, that answer a while after they were asked. */
export class FakeThreads implements PlacingThreads {
  readonly max: number;
  readonly #clock: ManualClock;
  mood: Mood = "works";
  started = 0;
  running = 0;
  orders = 0;

  constructor(clock: ManualClock, max = 2) {
    this.#clock = clock;
    this.max = max;
  }

  start({ answered, ended }: ThreadEvents) {
    const desk = new PlacingDesk();
    let isOpen = true;
    this.started += 1;
    this.running += 1;
    const end = (reason: string) => {
      if (!isOpen) return;
      isOpen = false;
      this.running -= 1;
      ended(reason);
    };
    return {
      send: (message: PlacingMessage) => {
        if (message.kind === "place") this.orders += 1;
        this.#clock.after(1, () => {
          if (!isOpen) return;
          const answer = desk.take(message);
          if (answer === undefined || this.mood === "hangs") return;
          if (this.mood === "crashes") end("out of memory");
          else answered(answer);
        });
      },
      close: async () => end("closed"),
    };
  }
}
